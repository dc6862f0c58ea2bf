#!/usr/bin/env bash
# PostgreSQL, nginx and the studio on this machine without containers, until Ctrl-C or SIGTERM: what "make team" starts.
#
# Reads .env and secrets/ as compose.yaml does; `database` and `postgres_password` are not needed, since PostgreSQL
# listens on a socket alone, in a folder that nobody else may enter. HTTP_PORT and HTTPS_PORT are 8080 and 8443 unless
# set: lower ones are for root, under whom PostgreSQL and nginx's workers become users of their own. What stands behind
# this script's name is run with PostgreSQL alone, in place of nginx and the studio: a restore.
set -euo pipefail
cd "$(dirname "$0")/../.."

fail() {
    echo "$1" >&2
    exit 1
}

if [ -f .env ]; then
    set -a
    . ./.env
    set +a
fi
[ -n "${STUDIO_NAME:-}" ] || fail "Set STUDIO_NAME in .env to the name that people type."
export -n STUDIO_NAME STUDIO_MEMORY STUDIO_CPUS STUDIO_SOURCES # of compose.yaml: no settings of the studio
secrets=${SECRETS:-$PWD/secrets}
required=(certificate.pem certificate_key.pem)
[ "${STUDIO_OPEN:-}" = 1 ] || required+=(sign_in.toml roles.yaml)
for name in "${required[@]}"; do
    [ -r "$secrets/$name" ] || fail "$secrets/$name is missing; dashboard/README.md, \"On a server\", says what it holds."
done
newest=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -1)
PATH=$newest:/usr/sbin:$PATH
for program in initdb pg_ctl createdb nginx envsubst; do
    command -v "$program" > /dev/null || fail "$program is missing; on Debian: apt-get install nginx-light gettext-base postgresql"
done

export STUDIO_DATA=${STUDIO_DATA:-$PWD/data}
rows=${ROWS:-$STUDIO_DATA/postgres}
run=$(mktemp -d /tmp/studio.XXXXXX) # the path of a socket must be short
studio='' proxy=''

as_database() (
    cd /
    if [ "$EUID" = 0 ]; then exec runuser -u postgres -- "$@"; else exec "$@"; fi
)

stop() {
    trap - INT TERM EXIT
    for process in $studio $proxy; do # trainings save before PostgreSQL ends
        kill -TERM "$process" 2> /dev/null || true
        wait "$process" 2> /dev/null || true
    done
    if [ -f "$rows/postmaster.pid" ]; then
        as_database pg_ctl -D "$rows" -m fast -w stop > /dev/null || true
    fi
    rm -rf "$run"
}
trap stop EXIT
trap 'exit 0' INT TERM

mkdir -p "$rows" "$run/socket" "$run/nginx"
chmod 700 "$run/socket"
if [ "$EUID" = 0 ]; then
    chmod 711 "$run"
    chown postgres "$rows" "$run/socket"
fi
chmod 700 "$rows"
[ -f "$rows/PG_VERSION" ] || as_database initdb --pgdata "$rows" --auth trust --username studio > /dev/null
as_database pg_ctl -D "$rows" -l "$rows/log" -w start > /dev/null \
    -o "-c listen_addresses= -c unix_socket_directories=$run/socket"
as_database psql -qtA -h "$run/socket" -U studio postgres -c "SELECT 1 FROM pg_database WHERE datname = 'studio'" \
    | grep -q 1 || as_database createdb -h "$run/socket" -U studio studio

export STUDIO_DATABASE="postgresql://studio@/studio?host=$run/socket"
if [ $# -gt 0 ]; then
    "$@"
    exit
fi

export UPSTREAM=127.0.0.1:${PORT:-8501} SERVER_NAME=$STUDIO_NAME HTTP_PORT=${HTTP_PORT:-8080} HTTPS_PORT=${HTTPS_PORT:-8443}
export TLS_CERTIFICATE=$secrets/certificate.pem TLS_KEY=$secrets/certificate_key.pem CACHE=$run/nginx/cache
{
    [ "$EUID" != 0 ] || echo "user www-data;"
    echo "daemon off; pid $run/nginx/pid; error_log stderr; events {} http { access_log off;"
    for kind in client_body proxy fastcgi uwsgi scgi; do echo "${kind}_temp_path $run/nginx/$kind;"; done
    envsubst '$UPSTREAM $SERVER_NAME $HTTP_PORT $HTTPS_PORT $TLS_CERTIFICATE $TLS_KEY $CACHE' \
        < dashboard/deploy/studio.conf.template
    echo "}"
} > "$run/nginx.conf"
nginx -e stderr -p "$run/nginx" -c "$run/nginx.conf" &
proxy=$!

export STUDIO_HOSTS=${STUDIO_HOSTS:-$STUDIO_NAME}
export STUDIO_STOP_JOBS_WITH_SERVER=${STUDIO_STOP_JOBS_WITH_SERVER:-1} STUDIO_PRELOAD=${STUDIO_PRELOAD:-1} STREAMLIT_SERVER_BASE_URL_PATH=studio
[ ! -r "$secrets/api_token" ] || export STUDIO_API_TOKEN_FILE=$secrets/api_token
[ ! -r "$secrets/roles.yaml" ] || export STUDIO_ROLES=$secrets/roles.yaml
[ ! -r "$secrets/sign_in.toml" ] || export STREAMLIT_SECRETS_FILES=$secrets/sign_in.toml
"${PYTHON:-.venv/bin/python}" -m streamlit run dashboard/app.py --server.address 127.0.0.1 --server.port "${PORT:-8501}" \
    --server.headless true --browser.gatherUsageStats false &
studio=$!
echo "https://$STUDIO_NAME:${HTTPS_PORT##*:}/studio/ until Ctrl-C; rows in $rows, all else in $STUDIO_DATA."
echo "Commands beside it, backups among them, need STUDIO_DATABASE='$STUDIO_DATABASE'."
wait -n "$studio" "$proxy" || true
fail "The studio or nginx has ended; what they said stands above."
