{{- define "tapeflow.labels" -}}
app.kubernetes.io/name: tapeflow
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end }}
{{- define "tapeflow.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}
{{- define "tapeflow.gatewayKey" -}}
{{- range $name, $value := .Values.settings }}
{{- if has (lower $name) (list "gateway_token_secret" "gateway_token_public_key" "gateway_jwks_url") }}{{ $value }}{{ end }}
{{- end }}
{{- end }}
{{- define "tapeflow.environment" -}}
- configMapRef:
    name: {{ .Release.Name }}-settings
{{- if .Values.secretName }}
- secretRef:
    name: {{ .Values.secretName }}
{{- end }}
{{- end }}
