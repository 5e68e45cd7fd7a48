#!/usr/bin/env bash
# Reads the compose file as Docker Compose does, with the files that the guide says to put beside it, and lets callbus
# check the settings that it is given there.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cp -a deploy "$work/"
cd "$work/deploy/compose"
cp ../callbus.env.example callbus.env
mkdir -p secrets
echo not-a-password >secrets/nats-password
echo not-a-password >secrets/grafana-password
compose compose.yaml >"$work/settings"
grep -q '^CALLBUS_STREAM_REPLICAS=3$' "$work/settings" || {
  echo "compose: the events are not kept on all three servers" >&2
  exit 1
}

# The secret lies elsewhere here than in the container.
sed -i "s#=/run/secrets/#=$PWD/secrets/#" "$work/settings"
env -i "${OLDPWD:?}/bin/callbus" check --offline --env-file "$work/settings"
sh -n nats/start
