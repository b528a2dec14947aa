#!/usr/bin/env bash
# Source files stay readable: a warning above 500 lines, a failure above 700.
set -euo pipefail
cd "$(dirname "$0")/.."

status=0
while IFS= read -r -d '' file; do
    lines=$(wc -l <"$file")
    if [ "$lines" -gt 700 ]; then
        echo "$file: $lines lines, more than 700: split it"
        status=1
    elif [ "$lines" -gt 500 ]; then
        echo "$file: $lines lines, more than 500 (a warning)"
    fi
done < <(find src -name '*.rs' -print0 | sort -z)
exit $status
