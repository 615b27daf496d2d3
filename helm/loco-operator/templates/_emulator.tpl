{{/* "true" when a first Emulator is asked for: by name, or by saying anything about it. */}}
{{- define "loco.emulator.wanted" -}}
{{- $emulator := .Values.emulator -}}
{{- if kindIs "bool" $emulator.create -}}
{{- if $emulator.create }}true{{ end -}}
{{- else if or $emulator.diskPVC $emulator.usePrebuiltSnapshot $emulator.spec -}}
true
{{- end -}}
{{- end -}}

{{/* The storage mode that emulator.diskPVC and emulator.usePrebuiltSnapshot mean. */}}
{{- define "loco.emulator.mode" -}}
{{- if not .Values.emulator.diskPVC -}}
Ephemeral
{{- else if .Values.emulator.usePrebuiltSnapshot -}}
Hybrid
{{- else -}}
Persistent
{{- end -}}
{{- end -}}

{{/* The snapshot's reference; a tag that is a digest is joined with @. */}}
{{- define "loco.emulator.snapshot" -}}
{{- $separator := ternary "@" ":" (hasPrefix "sha256:" .Values.emulator.snapshotTag) -}}
{{- printf "%s%s%s" .Values.emulator.snapshotRegistry $separator .Values.emulator.snapshotTag -}}
{{- end -}}

{{/* The Emulator's spec: what the options mean, with emulator.spec laid over it. */}}
{{- define "loco.emulator.spec" -}}
{{- $emulator := .Values.emulator -}}
{{- $storage := dict "mode" (include "loco.emulator.mode" .) -}}
{{- /* An own PVC has its own name. */ -}}
{{- if and $emulator.diskPVC (not ($emulator.spec.storage | default dict).existingClaim) -}}
{{- $_ := set $storage "claimTemplateName" $emulator.diskPVC -}}
{{- end -}}
{{- $spec := dict "storage" $storage -}}
{{- if $emulator.usePrebuiltSnapshot -}}
{{- $_ := set $spec "disk" (dict "snapshot" (dict "reference" (include "loco.emulator.snapshot" .))) -}}
{{- end -}}
{{- if not (kindIs "invalid" $emulator.replicas) -}}
{{- $_ := set $spec "replicas" $emulator.replicas -}}
{{- end -}}
{{- mergeOverwrite $spec (deepCopy $emulator.spec) | toYaml -}}
{{- end -}}

{{/*
Stops with a sentence when the options contradict each other. The schema refuses what is misspelt or of the wrong
type; these sentences say which of two settings to change.
*/}}
{{- define "loco.emulator.validate" -}}
{{- $emulator := .Values.emulator -}}
{{- $mode := include "loco.emulator.mode" . -}}
{{- $spec := $emulator.spec -}}
{{- $storage := $spec.storage | default dict -}}
{{- $snapshot := ($spec.disk | default dict).snapshot -}}
{{- if and $storage.mode (ne $storage.mode $mode) -}}
{{- fail (printf "emulator.diskPVC=%q and emulator.usePrebuiltSnapshot=%t make the Emulator %s, but emulator.spec.storage.mode says %s. Change the two options, or remove emulator.spec.storage.mode." $emulator.diskPVC $emulator.usePrebuiltSnapshot $mode $storage.mode) -}}
{{- end -}}
{{- if and $emulator.diskPVC $storage.claimTemplateName (ne $storage.claimTemplateName $emulator.diskPVC) -}}
{{- fail (printf "emulator.diskPVC=%q and emulator.spec.storage.claimTemplateName=%q are the same setting with two values. Remove one." $emulator.diskPVC $storage.claimTemplateName) -}}
{{- end -}}
{{- if eq $mode "Ephemeral" -}}
{{- range $field := list "existingClaim" "claimTemplateName" "storageClassName" "accessMode" "retention" -}}
{{- if hasKey $storage $field -}}
{{- fail (printf "emulator.diskPVC is empty, so the Emulator is Ephemeral and has no PVC, but emulator.spec.storage.%s is set. Set emulator.diskPVC (for example win98-disk), or remove emulator.spec.storage.%s." $field $field) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and $snapshot (not $emulator.usePrebuiltSnapshot) -}}
{{- fail "emulator.usePrebuiltSnapshot is false, so no snapshot is used, but emulator.spec.disk.snapshot is set. Set emulator.usePrebuiltSnapshot to true, or remove emulator.spec.disk.snapshot." -}}
{{- end -}}
{{- if and $storage.existingClaim (gt (int ($emulator.replicas | default $spec.replicas | default 1)) 1) -}}
{{- fail "emulator.spec.storage.existingClaim is one disk, and two machines can't share one. Set the replicas to 1, or remove existingClaim." -}}
{{- end -}}
{{- if and (not (kindIs "invalid" $emulator.replicas)) (hasKey $spec "replicas") (ne (int $emulator.replicas) (int $spec.replicas)) -}}
{{- fail (printf "emulator.replicas=%d and emulator.spec.replicas=%d are the same setting with two values. Remove one." (int $emulator.replicas) (int $spec.replicas)) -}}
{{- end -}}
{{- end -}}
