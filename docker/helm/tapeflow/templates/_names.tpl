{{- define "tapeflow.labels" -}}
app.kubernetes.io/name: tapeflow
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end }}
{{- define "tapeflow.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}
{{- define "tapeflow.environment" -}}
- configMapRef:
    name: {{ .Release.Name }}-settings
{{- if .Values.secretName }}
- secretRef:
    name: {{ .Values.secretName }}
{{- end }}
{{- end }}
