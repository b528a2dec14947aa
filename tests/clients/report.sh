#!/usr/bin/env bash
# The page of `coffer report`, in a real browser: what it shows, by day and by night, wide and narrow.
# shellcheck source=tests/clients/common.sh
source "$(dirname "$0")/common.sh"
need python3
browser=
for name in chromium chromium-browser google-chrome; do
    [ -n "$browser" ] || browser=$(command -v "$name" || true)
done
if ! is_coffer || [ -z "$browser" ]; then
    reason="no chromium is installed: run scripts/install-packages.sh"
    is_coffer || reason="$(basename "${MODULE:-}") makes no reports"
    echo "SKIP: $reason"
    check "the module is there" test -e "${MODULE:-}"
    summary
    exit
fi
[ -x "${COFFER:-}" ] || { echo "COFFER must name the tool" && exit 1; }
export COFFER_PIN=$PIN COFFER_SO_PIN=$SO_PIN

# ---- a token with something to tell
coffer() { "$COFFER" "$@" >/dev/null; }
coffer init "Signing & <web>"
coffer generate rsa:3072 "web server" --id 01
coffer generate ec:P-256 "mail gateway" --id 02
coffer generate ed25519 "releases" --id 03
coffer generate aes:256 "archive 2024" --id 04
coffer generate aes:256 "backup" --id 05 --exportable
coffer generate ml-dsa-65 "firmware" --id 06
coffer generate ec:P-384 "<img src=x onerror=alert(1)>" --id 07
coffer key set "web server" --protect-until 20d --owner "web team" --purpose "TLS of www.example.org"
coffer key set "mail gateway" --protect-until 2y --process-until 3y --owner "mail team" --purpose "S/MIME"
coffer key set "releases" --protect-until 1y --owner "release engineering" --purpose "code signing"
coffer key set "firmware" --protect-until 5y --process-until 10y --owner "devices"
coffer key state "archive 2024" deactivate --reason "a new one is in use" --yes
coffer key state "backup" suspend --reason "under review" --yes
page="$WORK/report.html"
status=0
"$COFFER" report --html "$page" || status=$?
check_eq "the report says that something wants attention" 3 echo "$status"

# ---- in the browser
run() {
    timeout 60 "$browser" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --user-data-dir="$WORK/profile" \
        --no-first-run --disable-background-networking --hide-scrollbars "$@" 2>"$WORK/browser.log"
}
run --dump-dom "file://$page" >dom.html || true
shows() { grep -qF -- "$1" dom.html; }
check "the browser shows the page to its end" shows "</html>"
check "with the token's name as text" shows "<h1>Signing &amp; &lt;web&gt;</h1>"
check "with a label that would be markup as text" shows "&lt;img src=x onerror=alert(1)&gt;"
check_eq "and makes no element of it" 0 bash -c "grep -c '<img' dom.html"
check "with the findings" shows "it is suspended"
check "with a timeline that was parsed as SVG" shows "aria-label=\"Cryptoperiods of"
for form in wide:1280,1700 narrow:400,1700; do
    name=${form%%:*}
    run --window-size="${form#*:}" --screenshot="$WORK/$name.png" "file://$page" || true
    check "a picture of it is made, $name" test -s "$WORK/$name.png"
done
run --window-size=1280,1700 --blink-settings=preferredColorScheme=0 --screenshot="$WORK/dark.png" "file://$page" || true
check "and one by night" test -s "$WORK/dark.png"
# Many colours: the page was drawn, it is no blank.
drawn() { [ "$(wc -c <"$WORK/$1.png")" -gt 20000 ]; }
for name in wide narrow dark; do check "the picture is no blank, $name" drawn "$name"; done
check "day and night differ" bash -c "! cmp -s wide.png dark.png"
[ -z "${PICTURES:-}" ] || cp ./*.png "$page" "$PICTURES/"
summary
