#!/usr/bin/env bash
# Renders the chart with each of the values in its ci folder, refuses what Kubernetes would not know, and lets callbus
# check the settings that its pods get. A cluster is not here: that the pods start in one, only one shows.
set -euo pipefail
cd "$(dirname "$0")/../.."
chart=deploy/helm/callbus
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() {
  echo "chart: $*" >&2
  exit 1
}

# As in a pod: the accounts, NATS credentials and certificates are files, and what is in existingSecret is there too.
mkdir -p "$work/etc/accounts" "$work/etc/nats" "$work/etc/tls"
printf 'PROVIDER=verimor\nKEY=not-a-secret\n' >"$work/etc/accounts/globex.env"
for file in nats/creds tls/ca.crt tls/tls.crt tls/tls.key; do echo nothing >"$work/etc/$file"; done
cat >"$work/cluster.secret" <<'SECRET'
CALLBUS_SINK_CRM_SECRET=whsec_Y2hhbmdlLW1lLWNoYW5nZS1tZS1jaGFuZ2UtbWU=
SECRET
echo 'CALLBUS_ACCOUNT_ACME_PASSWORD=not-a-secret' >"$work/embedded.secret"
touch "$work/combined.secret"

for values in "$chart"/ci/*-values.yaml; do
  name=$(basename "$values" -values.yaml)
  helm lint --strict --quiet --values "$values" "$chart" 2>"$work/said" || fail "$name: $(cat "$work/said")"
  helm template callbus "$chart" --namespace x --values "$values" >"$work/$name.yaml" 2>"$work/said" ||
    fail "$name: $(cat "$work/said")"
  mkdir "$work/$name"
  manifests "$work/$name" <"$work/$name.yaml" || fail "$name: manifests that Kubernetes would not take"
  pods=$(grep -cE '^kind: (Deployment|StatefulSet)$' "$work/$name.yaml")
  [ "$(ls "$work/$name" | wc -l)" = "$pods" ] || fail "$name: the settings of some pods were not written"
  for rule in 'runAsNonRoot: true' 'readOnlyRootFilesystem: true' 'allowPrivilegeEscalation: false' \
    'enableServiceLinks: false' \
    'drop: \[ALL\]' 'type: RuntimeDefault' 'path: /readyz' 'terminationGracePeriodSeconds: 60'; do
    [ "$(grep -c "$rule" "$work/$name.yaml")" = "$pods" ] || fail "$name: not every pod has $rule"
  done
  for settings in "$work/$name"/*.env; do
    sed -i "s#=/etc/callbus/#=$work/etc/#" "$settings"
    cat "$work/$name.secret" >>"$settings"
    env -i bin/callbus check --offline --env-file "$settings" || fail "$(basename "$settings") of $name"
  done
done

# Alerts come through unchanged, though they look like templates.
grep -q 'summary: callbus {{ $labels.instance }} is not ready' "$work/cluster.yaml" || fail "the alert rules are not those of deploy/prometheus"

# What cannot work is refused before a cluster sees it.
refused() {
  ! helm template callbus "$chart" "$@" >/dev/null 2>&1 || fail "the chart takes $*"
}
refused
refused --set accounts.existingSecret=a --set settings.CALLBUS_ROLES=ingest
refused --set accounts.existingSecret=a --set nats.url=nats://user:password@nats:4222
refused --set accounts.existingSecret=a --set embedded.listen.enabled=true
refused --set accounts.existingSecret=a --set ingst.replicas=2
