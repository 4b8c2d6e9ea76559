# SPDX-License-Identifier: Apache-2.0
"""The OpenAPI file as a judge of answers: what JSON Schema it uses, checked."""
import re

TYPES = {"object": dict, "array": list, "string": str, "boolean": bool,
         "null": type(None)}


def is_of(value, name):
    if name == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if name == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, TYPES[name])


class Contract:
    # What a schema may say here; another word would be passed over unseen.
    KNOWN = {"type", "required", "properties", "items", "enum", "pattern",
             "minLength", "maxLength", "minimum", "maximum", "minItems",
             "maxItems", "maxProperties", "additionalProperties", "$ref",
             "description", "format", "default", "oneOf"}

    def __init__(self, openapi):
        self.openapi = openapi
        self.seen = set()
        self.paths = []
        for path, methods in openapi["paths"].items():
            pattern = re.sub(r"\{[a-z_]+\}", "[^/]+", path)
            # What has a word of its own comes before what has any.
            self.paths.append((path.count("{"), path, re.compile(pattern),
                               methods))
        self.paths.sort(key=lambda row: row[0])

    def resolve(self, node):
        while "$ref" in node:
            found = self.openapi
            for step in node["$ref"][2:].split("/"):
                found = found[step]
            node = found
        return node

    def wrong(self, value, schema, where="answer"):
        """The first thing that is not as the schema says; None: nothing."""
        schema = self.resolve(schema)
        unknown = set(schema) - self.KNOWN
        if unknown:
            return f"{where}: the schema says {unknown}, which is not checked"
        names = schema.get("type")
        if names is not None:
            names = [names] if isinstance(names, str) else names
            if not any(is_of(value, name) for name in names):
                return f"{where}: {value!r} is no {names}"
        if "enum" in schema and value not in schema["enum"]:
            return f"{where}: {value!r} is none of {schema['enum']}"
        if "oneOf" in schema:
            right = [one for one in schema["oneOf"]
                     if self.wrong(value, one, where) is None]
            if len(right) != 1:
                return f"{where}: {value!r} is {len(right)} of {schema}"
        if isinstance(value, str):
            return self.wrong_text(value, schema, where)
        if isinstance(value, list):
            return self.wrong_list(value, schema, where)
        if isinstance(value, dict):
            return self.wrong_object(value, schema, where)
        return None

    def wrong_text(self, value, schema, where):
        if "pattern" in schema and not re.search(schema["pattern"], value):
            return f"{where}: {value!r} is not like {schema['pattern']}"
        if schema.get("format") == "date-time" and not re.fullmatch(
                r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", value):
            return f"{where}: {value!r} is no moment"
        return None

    def wrong_list(self, value, schema, where):
        for i, item in enumerate(value):
            why = self.wrong(item, schema.get("items", {}), f"{where}[{i}]")
            if why:
                return why
        return None

    def wrong_object(self, value, schema, where):
        properties = schema.get("properties", {})
        for name in schema.get("required", []):
            if name not in value:
                return f"{where}: {name} is missing"
        for name, part in value.items():
            if name in properties:
                why = self.wrong(part, properties[name], f"{where}.{name}")
                if why:
                    return why
            elif schema.get("additionalProperties") is False:
                return f"{where}: {name} is not in the schema"
        if len(value) > schema.get("maxProperties", len(value)):
            return f"{where}: {value!r} is not empty"
        return None

    def example(self, schema):
        """A value that the schema allows, with what must be there."""
        schema = self.resolve(schema)
        if "enum" in schema:
            return schema["enum"][0]
        kind = schema.get("type")
        kind = kind[0] if isinstance(kind, list) else kind
        if kind == "object":
            return {name: self.example(schema["properties"][name])
                    for name in schema.get("required", [])}
        if kind == "array":
            return [self.example(schema["items"])]
        if kind == "string":
            pattern = schema.get("pattern", "")
            for like, text in (("http", "https://example.invalid/"),
                               ("{128}", "0" * 128), ("{15}", "0" * 15)):
                if like in pattern:
                    return text
            return "/" if pattern == "^/" else "a good password"
        return {"integer": 1, "boolean": True}.get(kind)

    def right_body(self, operation):
        """An example of its content; None: it has none."""
        content = operation.get("requestBody", {}).get("content", {})
        schema = content.get("application/json", {}).get("schema")
        return self.example(schema) if schema else None

    def check(self, method, path, status, answer, content_type):
        """Raise AssertionError if that is no answer of the file's."""
        bare = "/api/v1/" + path.split("?")[0]
        found = [(known, methods) for _, known, pattern, methods in self.paths
                 if pattern.fullmatch(bare)]
        operation = next((methods[method.lower()] for _, methods in found
                          if method.lower() in methods), None)
        if operation is None:
            if status in (401, 404, 405):
                return
            raise AssertionError(f"{method} {path} is not in the file")
        self.seen.add((method, found[0][0]))
        response = operation["responses"].get(str(status))
        if response is None:
            if status < 400:
                raise AssertionError(f"{method} {path}: {status} is not named")
            response = operation["responses"]["default"]
        response = self.resolve(response)
        media = content_type.split(";")[0]
        if media not in response["content"]:
            raise AssertionError(f"{method} {path}: {status} is {media}")
        if answer is None:
            return
        why = self.wrong(answer, response["content"][media]["schema"])
        if why:
            raise AssertionError(f"{method} {path}: {status}: {why}")
