public import Hummingbird

/// What a caller did wrong, in the words that it is told: `{"error": {"code": …, "message": …}}`.
public struct APIError: Error, Sendable, Equatable {
  /// The HTTP status.
  public var status: HTTPResponse.Status
  /// What kind of error, for programs.
  public var code: String
  /// What is wrong and what to send instead, for people.
  public var message: String

  /// An error.
  public init(_ status: HTTPResponse.Status, _ code: String, _ message: String) {
    self.status = status
    self.code = code
    self.message = message
  }

  /// A field of the body, the query or the headers is missing or wrong.
  public static func field(_ name: String, _ problem: String) -> APIError {
    APIError(.badRequest, "invalid_field", "\(name) \(problem)")
  }
  /// What the path names does not exist.
  public static func notFound(_ what: String, _ id: String) -> APIError {
    APIError(.notFound, "not_found", "there is no \(what) '\(id.prefix(64))'")
  }
  /// The caller is known, and may not.
  public static func forbidden(_ message: String) -> APIError { APIError(.forbidden, "forbidden", message) }
  /// What is asked for contradicts what there is.
  public static func conflict(_ code: String, _ message: String) -> APIError { APIError(.conflict, code, message) }

  /// It cannot be done to its end now.
  public static func unavailable(_ code: String, _ message: String) -> APIError {
    APIError(.serviceUnavailable, code, message)
  }

  /// The answer.
  public var response: Response {
    struct Body: Encodable {
      struct Content: Encodable {
        var code: String
        var message: String
      }
      var error: Content
    }
    return .json(Body(error: .init(code: code, message: message)), status: status)
  }
}
