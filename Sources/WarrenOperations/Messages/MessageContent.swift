public import Warren

/// The part of a body that a person means: the member `data` of Warren's envelope, or the whole of a plain body.
public struct MessageContent: Sendable, Equatable {
  /// The content.
  public let data: JSONText
  /// The envelope around it; `nil` for a plain body.
  private let envelope: [JSONText.Member]?

  /// The content of a body that is JSON.
  ///
  /// - Throws: ``JSONTextError`` where the body is not JSON.
  public init(_ body: String) throws(JSONTextError) {
    let document = try JSONText(parsing: body)
    if case .object(let members) = document, members.contains(where: { $0.isText("type") }),
      let data = members.last(where: { $0.name == "data" })
    {
      self.data = data.value
      envelope = members
    } else {
      data = document
      envelope = nil
    }
  }

  /// Whether there is an envelope around it.
  public var hasEnvelope: Bool { envelope != nil }

  /// The body with another content, on one line; what else the envelope says stays as it was.
  public func body(with data: JSONText) -> String {
    guard var members = envelope, let index = members.lastIndex(where: { $0.name == "data" }) else {
      return data.compact
    }
    members[index].value = data
    return JSONText.object(members).compact
  }
}

extension JSONText.Member {
  fileprivate func isText(_ name: String) -> Bool {
    if case .string = value { return self.name == name }
    return false
  }
}
