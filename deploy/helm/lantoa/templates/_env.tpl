{{- define "lantoa.var" -}}
- {name: {{ index . 0 }}, value: {{ index . 1 | toString | quote }}}
{{ end -}}

{{/* Settings of a process; given what "lantoa.pod" is given. Names are compared with the settings classes by tests/chart. */}}
{{- define "lantoa.env" -}}
{{- $values := .root.Values -}}
{{- $release := include "lantoa.release" .root -}}
{{- if eq .name "topology" -}}
{{- include "lantoa.var" (list "LANTOA_NATS_URL" $values.nats.url) -}}
{{- include "lantoa.var" (list "LANTOA_KEYS_FOLDER" "/keys") -}}
{{- include "lantoa.var" (list "LANTOA_STREAM_REPLICAS" $values.nats.streamReplicas) -}}
{{- include "lantoa.var" (list "LANTOA_ACK_WAIT_SECONDS" $values.nats.ackWaitSeconds) -}}
{{- else if ne .name "test" -}}
{{- include "lantoa.var" (list "LANTOA_ENV" $values.env) -}}
{{- include "lantoa.var" (list "LANTOA_LOG_LEVEL" $values.logLevel) -}}
{{- include "lantoa.var" (list "LANTOA_HTTP_HOST" "0.0.0.0") -}}
{{- include "lantoa.var" (list "LANTOA_HTTP_PORT" "8080") -}}
{{- if .process.media -}}
{{- include "lantoa.var" (list "LANTOA_MEDIA_URL" (ternary $values.media.url "file:///media" (empty $values.media.existingClaim))) -}}
{{- else if ne .name "callout" -}}
{{- /* The chassis opens a store in every service; where none is used, an empty folder. */ -}}
{{- include "lantoa.var" (list "LANTOA_MEDIA_URL" "file:///tmp/media") -}}
{{- end -}}
{{- if and .process.traces $values.telemetry.otlpEndpoint -}}
{{- include "lantoa.var" (list "LANTOA_OTLP_ENDPOINT" $values.telemetry.otlpEndpoint) -}}
{{- end -}}
{{- if .process.nats -}}
{{- include "lantoa.var" (list "LANTOA_NATS_URL" $values.nats.url) -}}
{{- end -}}
{{- if or .process.upstream (eq .name "gateway") -}}
{{- include "lantoa.var" (list "LANTOA_NATS_SEED_FILE" (printf "/keys/%s.nk" .name)) -}}
{{- end -}}
{{- if .process.upstream -}}
{{- include "lantoa.var" (list "LANTOA_INTERNAL_KEYS_FILE" "/keys/internal_keys.json") -}}
{{- end -}}
{{- if .process.mongo }}
- name: LANTOA_MONGO_URL
  valueFrom:
    secretKeyRef: {name: {{ $values.mongodb.existingSecret }}, key: {{ .name }}}
{{ end -}}
{{- if eq .name "gateway" -}}
{{- $upstreams := dict -}}
{{- range $name, $process := .root.Files.Get "files/processes.yaml" | fromYaml -}}
{{- if $process.upstream -}}
{{- $_ := set $upstreams $name (printf "http://%s-%s:8080" $release $name) -}}
{{- end -}}
{{- end -}}
{{- include "lantoa.var" (list "LANTOA_GATEWAY_UPSTREAMS" (toJson $upstreams)) -}}
{{- include "lantoa.var" (list "LANTOA_GATEWAY_KEY_FILE" "/keys/gateway.jwk") -}}
{{- include "lantoa.var" (list "LANTOA_GATEWAY_DEVICE_KEYS_FILE" "/keys/device_keys.json") -}}
{{- include "lantoa.var" (list "LANTOA_GATEWAY_ROOT_PUBLIC" $values.keys.rootPublic) -}}
{{- include "lantoa.var" (list "LANTOA_GATEWAY_CONSOLE_DIR" "/opt/lantoa/console") -}}
{{- include "lantoa.var" (list "LANTOA_GATEWAY_PUBLIC_URL" $values.public.url) -}}
{{- else if eq .name "directory" -}}
{{- include "lantoa.var" (list "LANTOA_DIRECTORY_AUDIT_KEY_FILE" "/keys/audit.key") -}}
{{- include "lantoa.var" (list "LANTOA_DIRECTORY_KEY_FILE" "/keys/directory.key") -}}
{{- else if eq .name "alert" -}}
{{- include "lantoa.var" (list "LANTOA_ALERT_KEY_FILE" "/keys/alert.key") -}}
{{- include "lantoa.var" (list "LANTOA_ALERT_HOLDERS_FILE" "/keys/alert_holders.json") -}}
{{- include "lantoa.var" (list "LANTOA_ALERT_SPEECH_COMMAND" (toJson $values.speech.command)) -}}
{{- else if eq .name "content" -}}
{{- include "lantoa.var" (list "LANTOA_CONTENT_SPEECH_COMMAND" (toJson $values.speech.command)) -}}
{{- include "lantoa.var" (list "LANTOA_CONTENT_PUBLIC_URL" $values.public.url) -}}
{{- else if eq .name "fleet" -}}
{{- include "lantoa.var" (list "LANTOA_KEYS_FOLDER" "/keys") -}}
{{- include "lantoa.var" (list "LANTOA_FLEET_MEDIA_BASE" $values.public.url) -}}
{{- include "lantoa.var" (list "LANTOA_FLEET_DEVICE_NATS_URLS" (toJson $values.public.deviceNatsUrls)) -}}
{{- else if eq .name "callout" -}}
{{- include "lantoa.var" (list "LANTOA_KEYS_FOLDER" "/keys") -}}
{{- include "lantoa.var" (list "LANTOA_FLEET_SNAPSHOT_FILE" "/tmp/registry.json") -}}
{{- end -}}
{{- range $name, $value := (index $values.services .name).settings -}}
{{- include "lantoa.var" (list $name $value) -}}
{{- end -}}
{{- end -}}
{{- end -}}
