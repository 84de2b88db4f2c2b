#!/usr/bin/env bash
# The entry point of the image.
#
#   serve [OPTION]...   the server with /home/model-server/config.properties; options of torchserve may follow
#   COMMAND [WORD]...   any other command, run as given
#
# A server that is started by `torchserve` stays in the foreground here: the container lives as long as it does, has
# its exit status, and its signals reach it. TS_DISABLE_TOKEN_AUTHORIZATION=true has `serve` ask for no tokens.
set -euo pipefail

CONFIG=/home/model-server/config.properties
IMAGE_TEMP=/home/model-server/tmp

# Process 1 has to pass signals on and to wait for processes that lost their parents.
if [ "$$" -eq 1 ]; then
    exec dumb-init --single-child -- "$0" "$@"
fi

# Where the root is read-only, /tmp or another usual folder may not be.
if [ "${TEMP:-}" = "$IMAGE_TEMP" ] && [ ! -w "$TEMP" ]; then
    unset TEMP
fi

[ $# -gt 0 ] || set -- serve

# One string with several words: the image of TorchServe 0.12 had a shell read it.
if [ $# -eq 1 ] && [[ $1 == *[[:space:]]* ]]; then
    case "$1" in
        *[\;\&\|\<\>\(\)\$\`]*) exec bash -c "$1" ;;
        *) eval "set -- $1" ;;
    esac
fi

if [ "$1" = serve ]; then
    shift
    set -- torchserve --start --ts-config "$CONFIG" "$@"
    if [ "${TS_DISABLE_TOKEN_AUTHORIZATION:-}" = true ]; then set -- "$@" --disable-token-auth; fi
fi

# starts_server WORD...: whether these words of torchserve start a server in the background. A first word without a
# dash is a subcommand, such as `try`.
starts_server() {
    local word
    [[ ${1:--} == -* ]] || return 1
    for word in "$@"; do
        case "$word" in
            -h | --h* | -v | --v* | --sto* | --pr* | --ch* | --fo*) return 1 ;;
        esac
    done
}

if [ "${1##*/}" = torchserve ] && starts_server "${@:2}"; then
    set -- "$@" --foreground
fi
exec "$@"
