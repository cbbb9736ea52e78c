{{- define "hogsend.name" -}}
{{- if contains "hogsend" .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{ else }}{{ printf "%s-hogsend" .Release.Name | trunc 40 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "hogsend.selector" -}}
app.kubernetes.io/name: hogsend
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "hogsend.labels" -}}
{{ include "hogsend.selector" . }}
app.kubernetes.io/version: {{ .Values.image.tag | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "hogsend.account" -}}
{{- if .Values.serviceAccount.create }}{{ .Values.serviceAccount.name | default (include "hogsend.name" .) }}{{ else }}{{ .Values.serviceAccount.name | default "default" }}{{ end }}
{{- end }}

{{/* A name for a version, of what Kubernetes allows in names. */}}
{{- define "hogsend.version" -}}
{{- regexReplaceAll "[^a-z0-9-]+" (lower .) "-" | trunc 20 | trimAll "-" }}
{{- end }}

{{/* What every pod has: root, build */}}
{{- define "hogsend.env" -}}
{{- range $name, $value := .root.Values.env }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
- name: METRICS_ADDR
  value: 0.0.0.0:9090
- name: HOGSEND_BUILD_ID
  value: {{ .tag | quote }}
{{- if .root.Values.deployment }}
- name: HOGSEND_DEPLOYMENT
  value: {{ .root.Values.deployment | quote }}
{{- end }}
{{- end }}

{{- define "hogsend.pod" -}}
serviceAccountName: {{ include "hogsend.account" .root }}
automountServiceAccountToken: false
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "hogsend.container" -}}
image: "{{ .root.Values.image.repository }}:{{ .tag }}"
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
envFrom:
  - secretRef: {name: {{ .root.Values.existingSecret }}}
{{- end }}

{{- define "hogsend.placement" -}}
{{- with .nodeSelector }}
nodeSelector: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity: {{ toYaml . | nindent 2 }}
{{- end }}
{{- end }}
