#!/usr/bin/env bash
# Builds the image from bin/callbus, and runs it: as nobody in particular, on a root that it cannot write.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
export STORAGE_DRIVER=vfs
buildah() { command buildah --root "$work/storage" --runroot "$work/run" "$@"; }
arch=$(go env GOARCH)
container=

finish() {
  [ -z "${pid:-}" ] || { kill -- "-$pid" && wait "$pid"; } 2>/dev/null || true # the builder and what it runs
  [ -z "$container" ] || buildah rm "$container" >/dev/null || true
  rm -rf "$work"
}
trap finish EXIT
fail() {
  echo "image: $*" >&2
  [ ! -s "$work/log" ] || cat "$work/log" >&2
  exit 1
}

deploy/image/context "$work/context"
install -D -m 0755 bin/callbus "$work/context/linux/$arch/callbus"
buildah bud --quiet --isolation chroot --platform "linux/$arch" -f deploy/image/Dockerfile \
  -t callbus:check "$work/context" >/dev/null
container=$(buildah from --pull-never callbus:check)
root=$(buildah mount "$container")

started='{{.OCIv1.Config.User}} {{.OCIv1.Config.WorkingDir}} {{.OCIv1.Config.Entrypoint}} {{.OCIv1.Config.Cmd}}'
asked=$(buildah inspect --type image --format "$started" callbus:check)
[ "$asked" = "65532:65532 /var/lib/callbus [/usr/bin/callbus] [run]" ] || fail "user, folder or command are others: $asked"
folder=$(stat -c '%u:%g %a' "$root/var/lib/callbus")
[ "$folder" = "65532:65532 700" ] || fail "the data folder is $folder"
[ "$(stat -c %a "$root/tmp")" = 1777 ] || fail "nobody can write /tmp"
grep -q 'BEGIN CERTIFICATE' "$root/etc/ssl/certs/ca-certificates.crt" || fail "no authorities"
known='./usr/bin/callbus|./etc/(passwd|group|ssl/certs/ca-certificates.crt)'
strange=$(cd "$root" && find . -type f -o -type l | sort | grep -vxE "$known" || true)
[ -z "$strange" ] || fail "there is more in it than belongs there: $strange"
size=$(du -sm "$root" | cut -f1)
[ "$size" -le 48 ] || fail "it has $size MB"

run() { buildah run --isolation chroot "$container" -- /usr/bin/callbus "$@"; }
[ "$(run version)" = "$(bin/callbus version)" ] || fail "it is another callbus: $(run version)"
run demo --for 3s --seed 7 >"$work/log" 2>&1 || fail "the demo does not run in it"
grep -q 'call.ended' "$work/log" || fail "the demo shows no call"

# As it is started: with the settings of the environment, its own user, and its own folder.
buildah config --env CALLBUS_ACCOUNTS=acme \
  --env CALLBUS_ACCOUNT_ACME_PROVIDER=telsam --env CALLBUS_ACCOUNT_ACME_URL=http://127.0.0.1:1 \
  --env CALLBUS_ACCOUNT_ACME_USERNAME=demo --env CALLBUS_ACCOUNT_ACME_PASSWORD=demo \
  --env CALLBUS_NATS_LISTEN=off --env CALLBUS_HTTP_LISTEN=127.0.0.1:0 "$container"
set -m # a group of its own
buildah run --isolation chroot "$container" -- /usr/bin/callbus run >"$work/log" 2>&1 &
pid=$!
set +m
store() { find "$work/storage" -type d -path '*/callbus-data/jetstream' -print -quit; } # the volume is a folder of the builder's
for _ in $(seq 100); do
  [ -z "$(store)" ] || break
  kill -0 "$pid" 2>/dev/null || fail "it ended"
  sleep 0.1
done
[ -n "$(store)" ] || fail "it made no store"
others=$(find "$(store)/.." ! -user 65532)
[ -z "$others" ] || fail "it runs as somebody else: $others"
kill "$(pgrep -g "$pid" -x callbus)"
wait "$pid" || fail "SIGTERM does not end it well"
pid=
echo "image: $size MB, runs as 65532"
