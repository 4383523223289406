internal import Foundation
public import Hummingbird
internal import NIOCore

extension Response {
  /// A value as JSON: its fields as Swift names them or in snake_case, times in ISO 8601, UTC.
  public static func json(
    _ value: some Encodable, status: HTTPResponse.Status = .ok, snakeCase: Bool = false
  ) -> Response {
    let encoder = JSONEncoder()
    if snakeCase { encoder.keyEncodingStrategy = .convertToSnakeCase }
    encoder.dateEncodingStrategy = .iso8601
    encoder.outputFormatting = [.withoutEscapingSlashes, .sortedKeys]
    guard let data = try? encoder.encode(value) else { return Response(status: .internalServerError) }
    return Response(
      status: status, headers: [.contentType: "application/json; charset=utf-8"],
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: data)))
  }

  /// Text of a media type.
  public static func text(_ text: String, type: String) -> Response {
    Response(status: .ok, headers: [.contentType: type], body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
  }
}
