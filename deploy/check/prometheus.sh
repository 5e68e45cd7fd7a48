#!/usr/bin/env bash
# Holds the alert rules to their tests, Prometheus's configuration to Prometheus, and what the dashboard asks to the same parser.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

promtool check rules prometheus/callbus.rules.yaml
promtool test rules prometheus/callbus.rules.test.yaml

# As in the container, where the rules lie beside the configuration.
cp compose/prometheus.yaml prometheus/callbus.rules.yaml "$work/"
promtool check config "$work/prometheus.yaml"

# Grafana's variables stand for a pattern or a span; rules may be JSON, as YAML may.
jq '{groups: [{name: "dashboard", rules: [.panels[] | select(.targets) | .title as $t | .id as $id | .targets | to_entries[]
      | {record: "dashboard:expression", labels: {panel: "\($t) \($id)\(.value.refId)"},
         expr: (.value.expr | gsub("\\$__rate_interval"; "5m") | gsub("\\$[a-z]+"; ".*"))}]}]}' grafana/callbus.json >"$work/dashboard.json"
panels=$(jq '[.panels[] | select(.type != "row")] | length' grafana/callbus.json)
asked=$(jq '.groups[].rules | length' "$work/dashboard.json")
[ "$panels" -gt 0 ] && [ "$asked" -ge "$panels" ] || {
  echo "prometheus: $panels panels ask $asked questions: some ask none" >&2
  exit 1
}
! grep -q '\$' "$work/dashboard.json" || {
  echo "prometheus: a variable of the dashboard is not replaced" >&2
  exit 1
}
promtool check rules "$work/dashboard.json"

# No two panels lie on one another, no two have one id, each variable that is asked for is there.
jq -e '(.schemaVersion | type) == "number" and .uid == "callbus"
  and ([.panels[].id] | length == (unique | length))
  and ([.panels[].gridPos | "\(.x) \(.y)"] | length == (unique | length))
  and all(.panels[].gridPos; .x + .w <= 24)
  and ([.panels[].targets[]?.expr | scan("\\$[a-z]+")] | unique) - [.templating.list[] | "$" + .name] == []' grafana/callbus.json >/dev/null || {
  echo "prometheus: the dashboard's panels or variables do not hold together" >&2
  exit 1
}
