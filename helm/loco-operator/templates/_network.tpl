{{/* Egress to addresses at TCP ports; any address when there are none. */}}
{{- define "loco.network.addresses" -}}
- {{ with .cidrs -}}
  to:
    {{- range . }}
    - ipBlock: {cidr: {{ . | quote }}}
    {{- end }}
  {{ end -}}
  ports:
    {{- range .ports }}
    - {protocol: TCP, port: {{ int . }}}
    {{- end }}
{{- end -}}

{{/* Egress that whoever talks to the API server needs. */}}
{{- define "loco.network.apiServer" -}}
{{- include "loco.network.addresses" .Values.operator.networkPolicy.apiServer }}
{{- end -}}

{{/* The port that traces are sent to. */}}
{{- define "loco.network.tracesPort" -}}
{{- $url := urlParse . -}}
{{- regexFind ":[0-9]+$" $url.host | trimPrefix ":" | default (ternary "443" "80" (eq $url.scheme "https")) -}}
{{- end -}}
