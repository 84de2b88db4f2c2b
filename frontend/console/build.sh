#!/usr/bin/env bash
# Builds the web pages into a folder; Maven calls it.
#
#   frontend/console/build.sh FOLDER
#
# Needs Node.js 20 or newer with npm. Without them, or where npm cannot fetch the packages, the build goes on without
# the pages and says so.
set -euo pipefail
FOLDER="$1"
cd "$(dirname "${BASH_SOURCE[0]}")"
INSTALLED=node_modules/.installed

leave_out() {
    rm -rf "$FOLDER"
    echo "The console is left out: $1" >&2
    exit 0
}

if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
    leave_out "its build needs Node.js 20 or newer and npm on the path."
fi
if ! node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)'; then
    leave_out "its build needs Node.js 20 or newer, found $(node --version)."
fi
if ! cmp -s package-lock.json "$INSTALLED"; then
    # Not to stdout, where Maven's own words are.
    npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2 || leave_out "npm ci failed, see above."
    cp package-lock.json "$INSTALLED"
fi
node build.mjs "$FOLDER"
