# SPDX-License-Identifier: Apache-2.0
# Completion for dfota, dfota-module, dfotad and dfotactl in bash. The words come from
# the programs' own --help, so they are always those of the installed version.

_dfota_options() {
    "$@" --help 2>/dev/null | grep -oE -- '(^|[ ,])--[a-z]+(-[a-z]+)*' |
        tr -d ' ,'
}

_dfota_commands() {
    "$1" --help 2>/dev/null | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p'
}

# Values that are neither a file nor free text.
_dfota_values() {
    case $1 in
    -a | --arch) echo 'auto thumb2 a32 a64 rv32 rv64 xtensa avr 8051 x86 raw' ;;
    -c | --class) echo 'bc26 mc65 bg95 bg96 bg96-softbank eg25' ;;
    -r | --ram) echo '8K 16K 32K 64K' ;;
    -m | --model) echo 'auto bc26 mc65 bg95 bg96 bg96-softbank eg25' ;;
    --progress) echo 'auto always never' ;;
    -p | --port) echo 'pty: tcp: unix: rfc2217:' ;;
    esac
}

_dfota() {
    local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    local program=${COMP_WORDS[0]} words=
    COMPREPLY=()
    if [[ ${program##*/} == dfota ]]; then
        if ((COMP_CWORD == 1)); then
            words="$(_dfota_commands "$program") --help --version"
        elif [[ $current == -* ]]; then
            words=$(_dfota_options "$program" "${COMP_WORDS[1]}")
        fi
    elif [[ $current == -* && ${program##*/} == dfotactl ]]; then
        words="$(_dfota_options "$program")"
        words+=" $(_dfota_options "$program" "${COMP_WORDS[1]}" "${COMP_WORDS[2]-}")"
    elif [[ $current == -* ]]; then
        words=$(_dfota_options "$program")
    elif [[ ${program##*/} == dfotactl ]] && ((COMP_CWORD <= 2)); then
        words=$("$program" --help 2>/dev/null | awk -v at="$COMP_CWORD" \
            -v group="${COMP_WORDS[1]}" '/^$/ { part++ }
            part == 1 && /^  / && (at == 1 || $1 == group) { print $at }')
    fi
    [[ -n $words || $COMP_CWORD -eq 1 ]] || words=$(_dfota_values "$before")
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
    # Everything else is most likely a file, which the shell completes.
}

complete -o default -F _dfota dfota dfota-module dfotad dfotactl
