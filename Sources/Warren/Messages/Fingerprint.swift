/// Makes error texts comparable by removing what changes from one message to the next.
enum Fingerprint {
  /// `no book 'b-17' after 3.5 s` → `no book '…' after # s`.
  static func normalised(_ text: String) -> String {
    let characters = Array(text)
    var output = ""
    var position = 0
    while position < characters.count {
      let character = characters[position]
      if let end = endOfQuotation(characters, at: position) {
        output += "\(character)…\(character)"
        position = end + 1
      } else if isPart(character) {
        let end = characters[position...].firstIndex { !isPart($0) } ?? characters.count
        let run = characters[position..<end]
        output += run.contains(where: \.isNumber) || run.contains("@") ? "#" : String(run)
        position = end
      } else {
        output.append(character)
        position += 1
      }
    }
    return output
  }

  private static func isPart(_ character: Character) -> Bool {
    character.isLetter || character.isNumber || "-_@.".contains(character)
  }

  /// The end of the quotation that begins here. An apostrophe begins none.
  private static func endOfQuotation(_ characters: [Character], at start: Int) -> Int? {
    guard "\"'`".contains(characters[start]), start == 0 || !characters[start - 1].isLetter else { return nil }
    return characters[(start + 1)...].prefix(200).firstIndex(of: characters[start])
  }

  /// A short hash of some texts, the same in every process: FNV-1a, 64 bits.
  static func hash(_ texts: [String]) -> String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for text in texts {
      for byte in Array(text.utf8) + [0] { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    }
    let hex = String(hash, radix: 16)
    return String((String(repeating: "0", count: 16 - hex.count) + hex).prefix(12))
  }
}

extension DeadLetter {
  /// A short name for the cause, the same in every process: of the queue that gave up, the message's name, the kind of reason,
  /// the type of the last error, and what it says without the numbers, ids and quotations in it.
  public var fingerprint: String {
    let failure = history.failures.last
    return Fingerprint.hash([
      origin.rawValue, message.name?.rawValue ?? "", reason.kind.rawValue, failure?.error ?? "",
      Fingerprint.normalised(failure?.message ?? reason.detail),
    ])
  }
}
