/// Passwords that follow an option of a command line.
extension SecretScanner {
  /// The programs, by what their names begin with, of which an option of one letter is a password.
  private static let programs: [String: [String]] = [
    "-a": ["redis", "valkey", "keydb"], "-w": ["ldap"], "-P": ["sqlcmd", "bcp", "mosquitto"],
  ]
  /// Programs for which `-p` is none.
  private static let withoutPassword = [
    "mkdir", "cp", "tar", "scp", "rsync", "install", "unzip", "pytest", "ps", "pgrep", "lsof", "perl", "nmap", "patch",
    "cargo", "npm", "npx",
  ]

  /// The password of an option that was just read: `-u ada:S3cr3t`, `--proxy-user ada:S3cr3t`, `-p S3cr3t`.
  func valueOfOption(_ word: String) -> Range<Int>? {
    guard word.hasPrefix("-"), isOptionsBegin(position - word.utf8.count) else { return nil }
    let isLong = word.hasPrefix("--")
    if let value = elementBehind(position) {
      return isLogin(word) ? passwordOfLogin(value) : isLong && FieldName.content(of: word) == .secret ? value : nil
    }
    let isLogin = isLogin(word)
    let programs = Self.programs[word]
    guard isLogin || word == "-p" || programs != nil, isSpace(position) || isLong && isOne(of: "=", position)
    else { return nil }
    let value = argument(end(from: position) { isSpace($0) || isOne(of: "=", $0) })
    if isLogin { return passwordOfLogin(value) }
    if let programs { return value.isEmpty || !isArgument(of: programs, value.lowerBound) ? nil : value }
    return isPassword(value) ? value : nil
  }

  private func isLogin(_ option: String) -> Bool {
    option == "-u" || option.hasPrefix("--") && ["user", "login", "auth"].contains(FieldName.words(of: option).last)
  }

  /// The next element of a list whose element ends here: `["curl", "-u", "ada:S3cr3t"]`.
  private func elementBehind(_ index: Int) -> Range<Int>? {
    guard isOne(of: "\"'", index), isOne(of: ",", index + 1) else { return nil }
    let start = end(from: index + 2, while: isSpace)
    guard isOne(of: "\"'", start), let stop = closing(bytes[start], escapes: 0, from: start + 1) else { return nil }
    return (start + 1)..<stop
  }

  /// The password of an option that it is written together with: `-uada:S3cr3t`, `-pS3cr3t`.
  func optionWithValue(_ word: Range<Int>) -> Range<Int>? {
    guard word.count > 2, isOptionsBegin(word.lowerBound) else { return nil }
    if starts(with: "-u", at: word.lowerBound), isOne(of: ":", word.upperBound) {
      return passwordOfLogin(argument(word.lowerBound + 2))
    }
    guard starts(with: "-p", at: word.lowerBound) else { return nil }
    let value = argument(word.lowerBound + 2)
    // Other options begin so, too: -print0.
    return value.count >= 6 && isPassword(value) ? value : nil
  }

  private func isOptionsBegin(_ index: Int) -> Bool {
    index == 0 || isSpace(index - 1) || isOne(of: "\"'`[(\n", index - 1)
  }

  /// A word, or what stands between quotes.
  private func argument(_ start: Int) -> Range<Int> {
    if isOne(of: "\"'", start), let stop = closing(bytes[start], escapes: 0, from: start + 1) {
      return (start + 1)..<stop
    }
    return start..<end(from: start) { !isSpace($0) && !isOne(of: "\r\n\"'`,)]", $0) }
  }

  /// What is behind the colon of a name and a password; not the numbers of a user and a group, nor an address.
  private func passwordOfLogin(_ value: Range<Int>) -> Range<Int>? {
    guard let colon = bytes[value].firstIndex(of: UInt8(ascii: ":")), colon > value.lowerBound else { return nil }
    let password = (colon + 1)..<value.upperBound
    if password.isEmpty || starts(with: "//", at: password.lowerBound) { return nil }
    let areNumbers = bytes[value].allSatisfy { Self.isDigit($0) || $0 == UInt8(ascii: ":") }
    return areNumbers ? nil : password
  }

  /// Whether what follows `-p` may be a password. Ports, paths and other options are none, nor is a mere word, unless it is about
  /// a login.
  private func isPassword(_ value: Range<Int>) -> Bool {
    let bytes = bytes[value]
    if bytes.isEmpty || isOne(of: "-/.~$", value.lowerBound) { return false }
    let port = text(value)
    if port.hasSuffix("/tcp") || port.hasSuffix("/udp") { return false }
    if bytes.allSatisfy({ Self.isDigit($0) || [UInt8(ascii: "."), UInt8(ascii: ":")].contains($0) }) { return false }
    if command(value.lowerBound).contains(where: Self.withoutPassword.contains) { return false }
    return bytes.contains(where: Self.isDigit) || isAboutLogin(value.lowerBound)
  }

  private func isArgument(of programs: [String], _ index: Int) -> Bool {
    command(index).contains { word in programs.contains { word.hasPrefix($0) } }
  }

  /// The words of a command before one of its arguments, each without its folder.
  private func command(_ index: Int) -> [String] {
    let line = bytes[max(0, index - 200)..<index].split { ";|&\n".utf8.contains($0) }.last ?? []
    return String(decoding: line, as: UTF8.self).split { " \t\"'`([{".contains($0) }.map {
      $0.split(separator: "/").last.map(String.init) ?? ""
    }
  }

  /// Whether a login is named in the same line before: `mysql -u root -p`, `sshpass -p`.
  private func isAboutLogin(_ index: Int) -> Bool {
    // It need not look far, and must not where a body is one long line.
    let line = bytes[max(0, index - 200)..<index].split(separator: UInt8(ascii: "\n")).last ?? []
    return String(decoding: line, as: UTF8.self).split(separator: " ").contains { word in
      let last = FieldName.words(of: word).last ?? ""
      return word.hasPrefix("-u") || ["user", "username", "login"].contains(last) || last.hasSuffix("pass")
    }
  }
}
