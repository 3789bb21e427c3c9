//! The server's log on standard error, and its spans as OpenTelemetry where a collector was named.

use crate::Stop;
use crate::args::{LogArgs, LogFormat};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use std::io::IsTerminal;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, fmt};

/// Spans are sent while this is there; the last of them when it goes.
pub(crate) struct Exporting(Option<SdkTracerProvider>);

impl Drop for Exporting {
    fn drop(&mut self) {
        let Some(provider) = self.0.take() else { return };
        // It blocks until all is sent, or given up.
        let sent = std::thread::spawn(move || provider.shutdown()).join();
        if let Ok(Err(error)) = sent {
            tracing::warn!(%error, "the last spans did not reach the collector");
        }
    }
}

/// Begins to log as `args` say.
pub(crate) fn begin(args: &LogArgs) -> Result<Exporting, Stop> {
    let filter = EnvFilter::try_new(&args.filter)
        .map_err(|error| Stop::failed(format!("the log filter {:?} cannot be read: {error}", args.filter)))?;
    let colour = std::io::stderr().is_terminal() && !is_set("NO_COLOR");
    let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(colour);
    let lines = match args.format {
        LogFormat::Pretty => lines.boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    let provider = args.otlp.as_deref().filter(|url| !url.is_empty()).map(exporter).transpose()?;
    // Requests and turns are spans of level info, whatever is logged.
    let spans = provider.as_ref().map(|provider| {
        let tracer = provider.tracer("turnwire");
        tracing_opentelemetry::layer().with_tracer(tracer).with_filter(EnvFilter::new("turnwire_server=info"))
    });
    if provider.is_some() {
        opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
    }
    // Another server in this process may have set it up before.
    let _ = tracing_subscriber::registry().with(spans).with(lines.with_filter(filter)).try_init();
    Ok(Exporting(provider))
}

/// A variable that is set to nothing counts as absent.
fn is_set(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|value| !value.is_empty())
}

fn exporter(url: &str) -> Result<SdkTracerProvider, Stop> {
    let failed = |why: String| Stop::failed(format!("spans cannot be sent to {url}: {why}"));
    let traces = format!("{}/v1/traces", url.trim_end_matches('/'));
    // Its client blocks, and must be made where that is allowed.
    let made = std::thread::spawn(move || {
        SpanExporter::builder().with_http().with_protocol(Protocol::HttpBinary).with_endpoint(traces).build()
    });
    let exporter = made.join().map_err(|_| failed("its client could not be made".to_owned()))?;
    let exporter = exporter.map_err(|error| failed(error.to_string()))?;
    let named = is_set("OTEL_SERVICE_NAME");
    let resource = Resource::builder();
    let resource = if named { resource } else { resource.with_service_name("turnwire") };
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource.build()).build())
}

/// Makes a request's span one of the trace its caller told of in `traceparent`.
pub(crate) fn join_trace(span: &tracing::Span, headers: &http::HeaderMap) {
    use tracing_opentelemetry::OpenTelemetrySpanExt as _;
    let caller = opentelemetry::global::get_text_map_propagator(|propagator| propagator.extract(&Headers(headers)));
    // Refused only for a span that nobody exports.
    let _ = span.set_parent(caller);
}

struct Headers<'a>(&'a http::HeaderMap);

impl opentelemetry::propagation::Extractor for Headers<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(http::HeaderName::as_str).collect()
    }
}
