package import Foundation

/// What a body in JSON says of itself.
package struct BodyHead {
  /// Its field `type`.
  package var type: String?
  /// Whether it is an envelope, and `type` so the name of the message and no field of its content.
  package var isEnvelope: Bool

  private struct Head: Decodable {
    struct Anything: Decodable {}
    var type: String?
    var data: Anything?
    private enum CodingKeys: String, CodingKey { case type, data }
    init(from decoder: any Decoder) throws {
      let fields = try decoder.container(keyedBy: CodingKeys.self)
      type = try? fields.decodeIfPresent(String.self, forKey: .type)
      data = fields.contains(.data) ? Anything() : nil
    }
  }

  /// `nil` when the body is no JSON object.
  package init?(_ body: Data) {
    guard let head = try? JSON.decoder.decode(Head.self, from: body) else { return nil }
    type = head.type.flatMap { $0.isEmpty ? nil : $0 }
    isEnvelope = head.data != nil
  }
}
