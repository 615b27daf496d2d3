{{/*
The Emulators that the chart makes, as {all: a list of their options, whole and with their names}. An entry of the map
takes over from the first Emulator what it doesn't say of the snapshot.
*/}}
{{- define "loco.emulators" -}}
{{- $all := list -}}
{{- $first := deepCopy .Values.emulator -}}
{{- $_ := set $first "snapshotPullSecret" (include "loco.pullSecret" $first | fromJson) -}}
{{- if include "loco.emulator.wanted" $first -}}
{{- $all = append $all $first -}}
{{- end -}}
{{- range $name, $entry := .Values.emulators -}}
{{- if not (and (kindIs "bool" $entry.create) (not $entry.create)) -}}
{{- $inherited := pick $first "snapshotRegistry" "snapshotTag" -}}
{{- $unsaid := dict "name" $name "diskPVC" "" "usePrebuiltSnapshot" false "nodeFolder" dict "spec" dict -}}
{{- $options := mustMerge (deepCopy $entry) $inherited $unsaid -}}
{{- if hasKey $entry "snapshotPullSecret" -}}
{{- $_ := set $options "snapshotPullSecret" (include "loco.pullSecret" $options | fromJson) -}}
{{- else -}}
{{- $_ := set $options "snapshotPullSecret" $first.snapshotPullSecret -}}
{{- end -}}
{{- $all = append $all $options -}}
{{- end -}}
{{- end -}}
{{- dict "all" $all | toJson -}}
{{- end -}}

{{/* "true" when the first Emulator is asked for: by create, or by saying anything about it. */}}
{{- define "loco.emulator.wanted" -}}
{{- if kindIs "bool" .create -}}
{{- if .create }}true{{ end -}}
{{- else if or .diskPVC .usePrebuiltSnapshot .nodeFolder.path .spec -}}
true
{{- end -}}
{{- end -}}

{{/* The storage mode that diskPVC and usePrebuiltSnapshot mean. */}}
{{- define "loco.emulator.mode" -}}
{{- if not .diskPVC -}}
Ephemeral
{{- else if .usePrebuiltSnapshot -}}
Hybrid
{{- else -}}
Persistent
{{- end -}}
{{- end -}}

{{/* The snapshot's reference; a tag that is a digest is joined with @. */}}
{{- define "loco.emulator.snapshot" -}}
{{- printf "%s%s%s" .snapshotRegistry (ternary "@" ":" (hasPrefix "sha256:" .snapshotTag)) .snapshotTag -}}
{{- end -}}

{{/* Size of the disk's volume where the chart makes the volume: said in both places. */}}
{{- define "loco.emulator.size" -}}
{{- (.spec.storage | default dict).size | default "4Gi" -}}
{{- end -}}

{{/* An Emulator's spec: what the options mean, with their spec laid over it. */}}
{{- define "loco.emulator.spec" -}}
{{- $storage := dict "mode" (include "loco.emulator.mode" .) -}}
{{- /* An own PVC has its own name. */ -}}
{{- if and .diskPVC (not (.spec.storage | default dict).existingClaim) -}}
{{- $_ := set $storage "claimTemplateName" .diskPVC -}}
{{- end -}}
{{- if .nodeFolder.path -}}
{{- $_ := mergeOverwrite $storage (dict "storageClassName" "" "size" (include "loco.emulator.size" .)) -}}
{{- end -}}
{{- $spec := dict "storage" $storage -}}
{{- if .usePrebuiltSnapshot -}}
{{- $snapshot := dict "reference" (include "loco.emulator.snapshot" .) -}}
{{- with .snapshotPullSecret.name -}}
{{- $_ := set $snapshot "pullSecretRef" (dict "name" .) -}}
{{- end -}}
{{- $_ := set $spec "disk" (dict "snapshot" $snapshot) -}}
{{- end -}}
{{- if not (kindIs "invalid" .replicas) -}}
{{- $_ := set $spec "replicas" .replicas -}}
{{- end -}}
{{- mergeOverwrite $spec (deepCopy .spec) | toYaml -}}
{{- end -}}

{{/*
Stops with a sentence where Emulators contradict each other. What contradicts itself within one of them is refused by
the schema, which can't compare two names.
*/}}
{{- define "loco.emulators.validate" -}}
{{- $names := dict -}}
{{- $folders := dict -}}
{{- $secrets := list -}}
{{- range (include "loco.emulators" . | fromJson).all -}}
{{- if .usePrebuiltSnapshot -}}
{{- $secrets = append $secrets .snapshotPullSecret.name -}}
{{- end -}}
{{- if hasKey $names .name -}}
{{- fail (printf "emulator.name=%q is the name of an entry of emulators as well. Give the first Emulator another name, or set emulator.create to false." .name) -}}
{{- end -}}
{{- $_ := set $names .name true -}}
{{- if .nodeFolder.path -}}
{{- $folder := printf "%s of the node %s" (clean .nodeFolder.path) .nodeFolder.node -}}
{{- if hasKey $folders $folder -}}
{{- fail (printf "%s and %s both have the nodeFolder %s, which is one disk, and two machines never share one. Give one of them another path." (get $folders $folder) .name $folder) -}}
{{- end -}}
{{- $_ := set $folders $folder .name -}}
{{- end -}}
{{- end -}}
{{- $secret := include "loco.pullSecret" .Values.emulator | fromJson -}}
{{- if and $secret.name (not (has $secret.name $secrets)) -}}
{{- fail "emulator.snapshotPullSecret is set, but no Emulator of the chart uses a snapshot with it. Set usePrebuiltSnapshot of the one that should, or remove emulator.snapshotPullSecret." -}}
{{- end -}}
{{- if $names -}}
{{- include "loco.scope.validate" . -}}
{{- end -}}
{{- end -}}
