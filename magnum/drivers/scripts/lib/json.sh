# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Read and write JSON with awk and sed, for nodes that have neither jq nor python.
# Sourced; defines json_string and json_text.

# json_string NAME: print the decoded string that a member of the outermost object on stdin holds.
# Fails when there is no such member or the text is cut off.
json_string() {
    awk -v wanted="$1" '
    function code(digits,   at, value) {
        for (at = 1; at <= 4; at++)
            value = value * 16 + index("0123456789abcdef", tolower(substr(digits, at, 1))) - 1
        return value < 128 ? sprintf("%c", value) : "?"
    }
    function escaped(letter) {
        if (letter == "n") return "\n"
        if (letter == "r") return "\r"
        if (letter == "t") return "\t"
        if (letter == "u") { at += 4; return code(substr(text, at - 3, 4)) }
        return letter
    }
    function string(   found, letter) {
        for (at++; at <= size; at++) {
            letter = substr(text, at, 1)
            if (letter == "\"") return found
            if (letter == "\\") { at++; letter = escaped(substr(text, at, 1)) }
            found = found letter
        }
        exit 1
    }
    { text = text $0 "\n" }
    END {
        size = length(text)
        for (at = 1; at <= size; at++) {
            letter = substr(text, at, 1)
            if (letter == "\"") {
                value = string()
                if (depth == 1 && is_value && name == wanted) { printf "%s", value; exit 0 }
                if (depth == 1 && !is_value) name = value
            }
            else if (letter == "{" || letter == "[") depth++
            else if (letter == "}" || letter == "]") depth--
            else if (letter == ":" && depth == 1) is_value = 1
            else if (letter == "," && depth == 1) is_value = 0
        }
        exit 1
    }'
}

# json_text: print stdin as a JSON string.  Only ASCII gets through.
json_text() {
    LC_ALL=C tr -cd '\012\040-\176' | sed 's/[\\"]/\\&/g' |
        awk 'BEGIN { printf "\"" } { printf "%s%s", between, $0; between = "\\n" } END { printf "\"" }'
}
