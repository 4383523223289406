internal import ExampleSupport
internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import TutorGoMessaging

/// Takes the correlation id and the trace of a request from its headers `x-correlation-id` and `traceparent`, and answers
/// with the correlation id. A request without one gets one.
struct TraceMiddleware: RouterMiddleware {
  typealias Context = BasicRequestContext
  @TaskLocal static var trace = RequestTrace()

  func handle(
    _ request: Request, context: Context, next: (Request, Context) async throws -> Response
  ) async throws -> Response {
    guard let correlation = HTTPField.Name("x-correlation-id"), let parent = HTTPField.Name("traceparent") else {
      return try await next(request, context)
    }
    let id = try request.headers[correlation].map {
      try Checked.text($0, field: "x-correlation-id", atMost: 100)
    }
    var trace = RequestTrace(correlationID: id ?? UUID().uuidString.lowercased())
    // What is no trace is left out, as W3C Trace Context asks for.
    if let parent = request.headers[parent],
      parent.wholeMatch(of: /[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}/) != nil
    {
      trace.traceparent = parent
    }
    var response = try await Self.$trace.withValue(trace) { try await next(request, context) }
    response.headers[correlation] = trace.correlationID
    return response
  }
}
