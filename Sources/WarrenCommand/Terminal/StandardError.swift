/// Everything that is not data goes here. Where it cannot be written, it is left out.
enum StandardError {
  static func print(_ text: String) { write(text + "\n") }

  static func error(_ text: String) { print("warren: " + Text.printable(text, keepsLines: true)) }

  /// Asks a yes-or-no question; anything but yes is no.
  static func ask(_ question: String) -> Bool {
    write(question + " [y/N] ")
    guard let answer = readLine()?.lowercased() else { return false }
    return answer == "y" || answer == "yes"
  }

  /// Overwrites the line that the cursor is on.
  static func progress(_ text: String) { write("\r\u{1B}[K" + text) }

  private static func write(_ text: String) { try? StandardStream.error.write(text) }
}
