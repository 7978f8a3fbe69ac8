{{/*
Pod of a process; given (dict "root" $ "name" "content" "process" <files/processes.yaml> "component" "content" "args" [...]
"serves" true). A job shares everything with the service whose work it does, but the probes and the speech worker.
*/}}
{{- define "lantoa.pod" -}}
{{- $values := .root.Values -}}
{{- $speaks := and .serves (has .name (list "alert" "content")) -}}
{{- $own := index $values.services .name | default dict -}}
metadata:
  labels: {{- include "lantoa.labels" (dict "root" .root "component" .component) | nindent 4 }}
spec:
  serviceAccountName: {{ include "lantoa.release" .root }}-{{ .serves | ternary .name "jobs" }}
  automountServiceAccountToken: false
  # Kubernetes would add variables named after Services, and <RELEASE>_... of a release "lantoa" would meet our settings.
  enableServiceLinks: false
  {{- with $values.image.pullSecrets }}
  imagePullSecrets: {{- range . }}
    - name: {{ . }}
  {{- end }}
  {{- end }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 10001
    runAsGroup: 10001
    fsGroup: 10001
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile: {type: RuntimeDefault}
  {{- if .serves }}
  # Longer than the wait before SIGTERM and the service's own draining of requests and handlers together.
  terminationGracePeriodSeconds: 45
  topologySpreadConstraints:
    {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
    - maxSkew: 1
      topologyKey: {{ . }}
      whenUnsatisfiable: ScheduleAnyway
      matchLabelKeys: [pod-template-hash]
      labelSelector:
        matchLabels: {{- include "lantoa.selector" (dict "root" $.root "component" $.component) | nindent 10 }}
    {{- end }}
  {{- else }}
  restartPolicy: Never
  {{- end }}
  {{- if $speaks }}
  initContainers:
    - name: speech
      image: {{ $values.speech.image | default (include "lantoa.image" (dict "root" .root "image" "speech" "digest" "")) }}
      imagePullPolicy: {{ $values.image.pullPolicy }}
      securityContext: {{- include "lantoa.restricted" . | nindent 8 }}
      resources: {{- toYaml $values.jobs.resources | nindent 8 }}
      volumeMounts:
        - {name: speech, mountPath: /speech}
  {{- end }}
  containers:
    - name: {{ .name }}
      image: {{ include "lantoa.image" (dict "root" .root "image" .process.image "digest" $own.digest) }}
      imagePullPolicy: {{ $values.image.pullPolicy }}
      {{- with .command }}
      command: {{- toYaml . | nindent 8 }}
      {{- end }}
      args: {{- toYaml .args | nindent 8 }}
      {{- with include "lantoa.env" . | trim }}
      env: {{- . | nindent 8 }}
      {{- end }}
      {{- if and .process.media $values.media.existingSecret }}
      envFrom:
        - secretRef: {name: {{ $values.media.existingSecret }}}
      {{- end }}
      securityContext: {{- include "lantoa.restricted" . | nindent 8 }}
      resources: {{- toYaml (.serves | ternary $own.resources $values.jobs.resources) | nindent 8 }}
      {{- if .serves }}
      ports:
        - {name: http, containerPort: 8080}
      startupProbe:
        httpGet: {path: /livez, port: http}
        periodSeconds: 2
        failureThreshold: 45
      livenessProbe:
        httpGet: {path: /livez, port: http}
        periodSeconds: 10
        timeoutSeconds: 3
      readinessProbe:
        httpGet: {path: /readyz, port: http}
        periodSeconds: 5
        timeoutSeconds: 3
      lifecycle:
        preStop:
          sleep: {seconds: 5}
      {{- end }}
      volumeMounts:
        - {name: tmp, mountPath: /tmp}
        {{- if .process.keys }}
        - {name: keys, mountPath: /keys, readOnly: true}
        {{- end }}
        {{- if and .process.media $values.media.existingClaim }}
        - {name: media, mountPath: /media}
        {{- end }}
        {{- if $speaks }}
        - {name: speech, mountPath: /speech, readOnly: true}
        {{- end }}
  volumes:
    - name: tmp
      emptyDir: {sizeLimit: 512Mi}
    {{- if .process.keys }}
    - name: keys
      secret:
        secretName: {{ $values.keys.existingSecret }}
        defaultMode: 288 # 0440: read by fsGroup
        items:
          {{- range .process.keys }}
          - {key: {{ . }}, path: {{ . }}}
          {{- end }}
    {{- end }}
    {{- if and .process.media $values.media.existingClaim }}
    - name: media
      persistentVolumeClaim: {claimName: {{ $values.media.existingClaim }}}
    {{- end }}
    {{- if $speaks }}
    - name: speech
      emptyDir: {sizeLimit: 512Mi}
    {{- end }}
{{- end -}}

{{- define "lantoa.restricted" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}
