{{- /* What every pod of ours has in common. All pass the Pod Security Standard "restricted": no root, no privileges, nothing
writable but what is mounted. Kubernetes would describe Services as TAPEFLOW_…=tcp://…, which our settings refuse, in a release
called tapeflow: so without service links. */}}
{{- define "tapeflow.pod" -}}
enableServiceLinks: false
automountServiceAccountToken: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  fsGroup: 10001
  seccompProfile: {type: RuntimeDefault}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- /* Of every container. */}}
{{- define "tapeflow.container" -}}
image: {{ include "tapeflow.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}
{{- /* Compiled kernels come with the image. Their folder must be writable all the same, for a processor of another kind. */}}
{{- define "tapeflow.kernels" -}}
- name: kernels
  {{- include "tapeflow.container" . | nindent 2 }}
  command: [cp, -R, /var/cache/tapeflow/., /kernels/]
  volumeMounts:
    - name: kernels
      mountPath: /kernels
{{- end }}
{{- define "tapeflow.mounts" -}}
- name: kernels
  mountPath: /var/cache/tapeflow
- name: tmp
  mountPath: /tmp
{{- with .Values.volumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}
{{- define "tapeflow.volumes" -}}
- name: kernels
  emptyDir: {}
- name: tmp
  emptyDir: {}
{{- with .Values.volumes }}
{{ toYaml . }}
{{- end }}
{{- end }}
{{- /* Where egress is limited: names, the pods of this release, and what the values allow. */}}
{{- define "tapeflow.egress" -}}
{{- with .Values.networkPolicy.egress -}}
egress:
  - ports:
      - {port: 53, protocol: UDP}
      - {port: 53, protocol: TCP}
  - to:
      - podSelector:
          matchLabels:
            app.kubernetes.io/instance: {{ $.Release.Name }}
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
