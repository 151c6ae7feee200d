#!/bin/sh
# Makes the secrets that compose.yaml hands to the containers, in docker/secrets, and docker/.env, unless they are there.
# The folder is closed to others on this machine; the files in it are readable, since each container has a user of its own.
set -eu
cd "$(dirname "$0")"

random() {
  od -An -N24 -tx1 /dev/urandom | tr -d ' \n'
}

# write <name> <text>: keeps what is there.
write() {
  if [ -s "secrets/$1" ]; then
    echo "kept  docker/secrets/$1"
    return
  fi
  printf '%s' "$2" >"secrets/$1"
  chmod 444 "secrets/$1"
  echo "made  docker/secrets/$1"
}

umask 077
mkdir -p secrets
chmod 700 secrets

write admin_api_token "$(random)"
write database_password "$(random)"
write database_url "postgres://interlock:$(cat secrets/database_password)@postgres:5432/interlock"
write redis_url "redis://default:$(random)@redis:6379/0"
password=$(sed 's|^redis://default:\([^@]*\)@.*$|\1|' secrets/redis_url)
write redis_acl "user default on >$password ~* &* +@all
user health on nopass resetkeys resetchannels -@all +ping
"

if [ -e .env ]; then
  echo 'kept  docker/.env'
else
  printf 'COMPOSE_PROFILES=redis\nQUEUE_BACKEND=redis\n' >.env
  echo 'made  docker/.env'
fi
