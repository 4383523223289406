internal import Foundation
internal import HTTPTypes
public import Hummingbird
internal import NIOCore

extension Request {
  /// The body as a value. Every way in which it can be wrong is a 4xx that names the field.
  ///
  /// - Parameters:
  ///   - snakeCase: whether the fields are written `user_id`, for `userId` in Swift.
  ///   - hint: how long the fields may be, told to a client that sends too much.
  public func json<Body: Decodable>(
    _ type: Body.Type, upTo limit: Int = 1_048_576, snakeCase: Bool = false, hint: String
  ) async throws -> Body {
    var request = self
    let buffer: ByteBuffer
    do {
      buffer = try await request.collectBody(upTo: limit)
    } catch is NIOTooManyBytesError {
      throw APIError(.contentTooLarge, "body_too_large", "the body has more than \(limit) bytes: \(hint)")
    } catch let error as CancellationError {
      throw error
    } catch {
      // Whatever else ends a body early is the sender's doing: malformed chunks, or fewer bytes than were announced.
      throw APIError(.badRequest, "invalid_body", "the body cannot be read to its end: check its length or its chunks")
    }
    if buffer.readableBytes == 0 { throw APIError(.badRequest, "invalid_json", "the body is empty: send JSON") }
    let data = Data(buffer.readableBytesView)
    let decoder = JSONDecoder()
    if snakeCase { decoder.keyDecodingStrategy = .convertFromSnakeCase }
    do {
      return try decoder.decode(Body.self, from: data)
    } catch let error as DecodingError {
      // What is no whole number is reported without the field that it is in.
      if case .dataCorrupted(let context) = error, context.codingPath.isEmpty, let field = Self.brokenNumber(in: data) {
        throw APIError.field(field, "must be a whole number that is not too large")
      }
      throw APIError(decoding: error, snakeCase: snakeCase)
    }
  }

  /// The first field of an object whose number is not whole, or too large to be one.
  private static func brokenNumber(in data: Data) -> String? {
    guard let object = try? JSONSerialization.jsonObject(with: data) as? [String: Any] else { return nil }
    return object.sorted { $0.key < $1.key }.first { _, value in
      guard let number = value as? Double else { return false }
      return Int(exactly: number) == nil
    }?.key
  }

  /// The caller: the header `x-user-id`.
  public func caller() throws -> String {
    guard let name = HTTPField.Name("x-user-id"), let text = headers[name]?.trimmingCharacters(in: .whitespaces),
      !text.isEmpty
    else {
      throw APIError(.unauthorized, "missing_user", "x-user-id is missing or blank: send your user id in this header")
    }
    return try Checked.text(text, field: "x-user-id", atMost: 100)
  }

  /// A parameter of the query.
  public func query(_ name: String) -> String? { uri.queryParameters.get(name) }
}

extension RequestContext {
  /// The part of the path that is called `id`, with what is written as `%20` and the like decoded.
  public var pathID: String {
    get throws {
      let text = try parameters.require("id")
      return text.removingPercentEncoding ?? text
    }
  }
}

extension APIError {
  init(decoding error: DecodingError, snakeCase: Bool = false) {
    func path(_ keys: [any CodingKey]) -> String {
      keys.reduce("") { path, key in
        if let index = key.intValue { return "\(path)[\(index)]" }
        let name = snakeCase ? Self.snakeCased(key.stringValue) : key.stringValue
        return path.isEmpty ? name : "\(path).\(name)"
      }
    }
    switch error {
    case .keyNotFound(let key, let context): self = .field(path(context.codingPath + [key]), "is missing")
    case .valueNotFound(_, let context) where !context.codingPath.isEmpty:
      self = .field(path(context.codingPath), "must not be null")
    case .typeMismatch(let type, let context) where !context.codingPath.isEmpty:
      self = .field(path(context.codingPath), "must be \(Self.word(for: type))")
    case .dataCorrupted(let context) where !context.codingPath.isEmpty:
      self = .field(path(context.codingPath), "is not valid")
    case .typeMismatch, .valueNotFound:
      self.init(.badRequest, "invalid_json", "the body must be a JSON object")
    default: self.init(.badRequest, "invalid_json", "the body is not valid JSON")
    }
  }

  /// `user_id` for `userId`.
  private static func snakeCased(_ name: String) -> String {
    name.reduce(into: "") { $0 += $1.isUppercase ? "_\($1.lowercased())" : "\($1)" }
  }

  private static func word(for type: any Any.Type) -> String {
    switch type {
    case is String.Type: "a text"
    case is Bool.Type: "true or false"
    case is Int.Type: "a whole number"
    case is Double.Type: "a number"
    case is [Any].Type: "a list"
    default: "an object"
    }
  }
}
