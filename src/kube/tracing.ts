import type { TracedService, Tracer } from './tracer.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Whether OpenTelemetry's environment variables ask for traces over OTLP. */
export function wantsTraces(environment: Environment): boolean {
  if (environment['OTEL_SDK_DISABLED']?.toLowerCase() === 'true') return false;
  if (environment['OTEL_TRACES_EXPORTER'] === 'none') return false;
  const { OTEL_EXPORTER_OTLP_ENDPOINT: all, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: traces } = environment;
  return [all, traces].some((endpoint) => endpoint !== undefined && endpoint !== '');
}

/** Undefined when no traces are wanted. The exporter reads its settings (`OTEL_…`) from the process's environment. */
export async function openTracer(environment: Environment, service: TracedService): Promise<Tracer | undefined> {
  if (!wantsTraces(environment)) return undefined;
  const { OtlpTracer } = await import('./tracing-otlp.ts');
  return new OtlpTracer(service);
}
