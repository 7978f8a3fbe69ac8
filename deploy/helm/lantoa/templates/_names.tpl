{{/* Release name, shortened so that every object's name stays within 63 characters and two long releases stay apart. */}}
{{- define "lantoa.release" -}}
{{- if gt (len .Release.Name) 40 -}}
{{ .Release.Name | trunc 31 | trimSuffix "-" }}-{{ .Release.Name | sha256sum | trunc 8 }}
{{- else -}}
{{ .Release.Name }}
{{- end -}}
{{- end -}}

{{/* Labels of one component; given (dict "root" $ "component" "content"). */}}
{{- define "lantoa.selector" -}}
app.kubernetes.io/name: lantoa
app.kubernetes.io/instance: {{ include "lantoa.release" .root }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "lantoa.labels" -}}
{{ include "lantoa.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: lantoa
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end -}}

{{/* An image of ours; given (dict "root" $ "image" "content" "digest" ""). */}}
{{- define "lantoa.image" -}}
{{- $image := .root.Values.image -}}
{{ $image.repository }}/{{ .image }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ $image.tag | default .root.Chart.AppVersion }}{{ end }}
{{- end -}}
