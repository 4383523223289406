public import Warren

/// What ties the messages of a request together: its correlation id, and its trace as W3C Trace Context has it.
public struct RequestTrace: Sendable, Equatable {
  /// The id that every message of the request carries, and every message which that one causes.
  public var correlationID: String?
  /// The header `traceparent`.
  public var traceparent: String?

  /// A trace.
  public init(correlationID: String? = nil, traceparent: String? = nil) {
    self.correlationID = correlationID
    self.traceparent = traceparent
  }

  /// The message with the trace in it. What a handler publishes keeps the one of the message that it handles.
  public func marked(_ publication: Publication) -> Publication {
    var publication = publication
    publication.message.correlationID = publication.message.correlationID ?? correlationID
    if publication.message.headers["traceparent"] == nil { publication.message.headers["traceparent"] = traceparent }
    return publication
  }
}
