{{- define "callbus.name" -}}
{{- if contains "callbus" .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-callbus" .Release.Name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "callbus.selector" -}}
app.kubernetes.io/name: callbus
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "callbus.labels" -}}
{{ include "callbus.selector" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{/* What is wrong with the values taken together. */}}
{{- define "callbus.check" -}}
{{- if not (or .Values.accounts.existingSecret .Values.existingSecret .Values.settings.CALLBUS_ACCOUNTS) }}
{{- fail "there is no PBX to watch: set accounts.existingSecret, or settings.CALLBUS_ACCOUNTS, or existingSecret with such a variable" }}
{{- end }}
{{- end }}

{{/* One variable from a key of a Secret: list of variable, Secret, key. */}}
{{- define "callbus.secretVariable" -}}
- name: {{ index . 0 }}
  valueFrom:
    secretKeyRef: {name: {{ index . 1 }}, key: {{ index . 2 }}}
{{- end }}

{{/* A pod: dict of root, component, roles, resources. */}}
{{- define "callbus.pod" -}}
{{- $v := .root.Values -}}
metadata:
  labels:
    {{- include "callbus.labels" .root | nindent 4 }}
    app.kubernetes.io/component: {{ .component }}
    {{- with $v.podLabels }}{{ toYaml . | nindent 4 }}{{ end }}
  {{- with $v.podAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  # Of a Service called callbus, Kubernetes would make variables that look like settings.
  enableServiceLinks: false
  serviceAccountName: {{ include "callbus.name" .root }}
  automountServiceAccountToken: false
  # What was seen is published within 5 s of SIGTERM; the rest is for a sink's last request.
  terminationGracePeriodSeconds: 60
  securityContext:
    runAsNonRoot: true
    runAsUser: 65532
    runAsGroup: 65532
    fsGroup: 65532
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile:
      type: RuntimeDefault
  {{- with $v.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: callbus
      image: "{{ $v.image.repository }}:{{ $v.image.tag | default .root.Chart.AppVersion }}"
      imagePullPolicy: {{ $v.image.pullPolicy }}
      args: [run]
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities:
          drop: [ALL]
      env:
        - name: CALLBUS_ROLES
          value: {{ .roles }}
        - name: CALLBUS_HTTP_LISTEN
          value: ":8080"
        {{- if $v.accounts.existingSecret }}
        - name: CALLBUS_ACCOUNTS_DIR
          value: /etc/callbus/accounts
        {{- end }}
        {{- if $v.nats.url }}
        - name: CALLBUS_NATS_URL
          value: {{ $v.nats.url | quote }}
        - name: CALLBUS_STREAM_REPLICAS
          value: {{ $v.nats.streamReplicas | quote }}
        {{- if and $v.nats.existingSecret (eq $v.nats.auth "creds") }}
        - name: CALLBUS_NATS_CREDS
          value: /etc/callbus/nats/creds
        {{- else if $v.nats.existingSecret }}
        {{- include "callbus.secretVariable" (list "CALLBUS_NATS_USER" $v.nats.existingSecret "user") | nindent 8 }}
        {{- include "callbus.secretVariable" (list "CALLBUS_NATS_PASSWORD" $v.nats.existingSecret "password") | nindent 8 }}
        {{- end }}
        {{- if $v.nats.tls.existingSecret }}
        - name: CALLBUS_NATS_TLS_CA
          value: /etc/callbus/tls/ca.crt
        {{- if $v.nats.tls.clientCertificate }}
        - name: CALLBUS_NATS_TLS_CERT
          value: /etc/callbus/tls/tls.crt
        - name: CALLBUS_NATS_TLS_KEY
          value: /etc/callbus/tls/tls.key
        {{- end }}
        {{- end }}
        {{- else if $v.embedded.listen.enabled }}
        - name: CALLBUS_NATS_LISTEN
          value: ":4222"
        {{- include "callbus.secretVariable" (list "CALLBUS_NATS_LISTEN_USER" $v.embedded.listen.existingSecret "user") | nindent 8 }}
        {{- include "callbus.secretVariable" (list "CALLBUS_NATS_LISTEN_PASSWORD" $v.embedded.listen.existingSecret "password") | nindent 8 }}
        {{- end }}
        {{- range $name, $value := $v.settings }}
        - name: {{ $name }}
          value: {{ $value | quote }}
        {{- end }}
      {{- with $v.existingSecret }}
      envFrom:
        - secretRef: {name: {{ . }}}
      {{- end }}
      ports:
        - {name: http, containerPort: 8080}
        {{- if and (not $v.nats.url) $v.embedded.listen.enabled }}
        - {name: nats, containerPort: 4222}
        {{- end }}
      # A large store is opened within seconds; it has five minutes.
      startupProbe:
        httpGet: {path: /healthz, port: http}
        periodSeconds: 2
        failureThreshold: 150
      livenessProbe:
        httpGet: {path: /healthz, port: http}
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 6
      readinessProbe:
        httpGet: {path: /readyz, port: http}
        periodSeconds: 5
        timeoutSeconds: 5
      resources:
        {{- toYaml .resources | nindent 8 }}
      volumeMounts:
        - {name: data, mountPath: /var/lib/callbus}
        {{- if $v.accounts.existingSecret }}
        - {name: accounts, mountPath: /etc/callbus/accounts, readOnly: true}
        {{- end }}
        {{- if and $v.nats.url $v.nats.existingSecret (eq $v.nats.auth "creds") }}
        - {name: nats, mountPath: /etc/callbus/nats, readOnly: true}
        {{- end }}
        {{- if and $v.nats.url $v.nats.tls.existingSecret }}
        - {name: tls, mountPath: /etc/callbus/tls, readOnly: true}
        {{- end }}
  volumes:
    {{- if $v.nats.url }}
    - name: data
      emptyDir: {}
    {{- end }}
    {{- with $v.accounts.existingSecret }}
    - name: accounts
      secret: {secretName: {{ . }}, defaultMode: 0440}
    {{- end }}
    {{- if and $v.nats.url $v.nats.existingSecret (eq $v.nats.auth "creds") }}
    - name: nats
      secret: {secretName: {{ $v.nats.existingSecret }}, defaultMode: 0440}
    {{- end }}
    {{- if and $v.nats.url $v.nats.tls.existingSecret }}
    - name: tls
      secret: {secretName: {{ $v.nats.tls.existingSecret }}, defaultMode: 0440}
    {{- end }}
  {{- with $v.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $v.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $v.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  topologySpreadConstraints:
    {{- if $v.topologySpreadConstraints }}
    {{- toYaml $v.topologySpreadConstraints | nindent 4 }}
    {{- else }}
    - maxSkew: 1
      topologyKey: kubernetes.io/hostname
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "callbus.selector" .root | nindent 10 }}
          app.kubernetes.io/component: {{ .component }}
    {{- end }}
{{- end }}
