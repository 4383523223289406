internal import ExampleSupport
internal import Foundation
internal import Hummingbird

/// How long the fields of requests may be.
enum Limits {
  static let name = 100
  static let email = 254
  static let title = 200
  static let content = 10_000
  static let priceCents = 1...10_000_000
  /// How many entries a list has at most.
  static let list = 1_000
}

extension Response {
  /// A value as JSON in snake_case.
  static func snake(_ value: some Encodable, status: HTTPResponse.Status = .ok) -> Response {
    .json(value, status: status, snakeCase: true)
  }
}

extension Request {
  /// The body, whose fields are in snake_case.
  func snake<Body: Decodable>(_ type: Body.Type) async throws -> Body {
    try await json(
      type, upTo: 65_536, snakeCase: true,
      hint: "a title takes at most \(Limits.title) characters, a content \(Limits.content)")
  }
}

extension BasicRequestContext {
  /// A number in the path. What is none names nothing that exists.
  func number(_ parameter: String = "id", of what: String) throws -> Int {
    let text = try parameters.require(parameter)
    guard let number = Int(text), number > 0 else { throw APIError.notFound(what, text) }
    return number
  }
}
