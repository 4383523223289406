public import Foundation

/// Writes each mail into a file, for those who have no mail server: the files can be opened with any mail program.
public struct FileMailer: Mailer {
  /// The folder of the files.
  public let folder: URL

  /// A mailer that writes into `folder`, which it creates.
  ///
  /// - Throws: ``MailError`` of kind `invalid` when the folder cannot be created.
  public init(folder: URL) throws(MailError) {
    self.folder = folder
    do { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) } catch {
      throw MailError(
        .invalid,
        "the folder \(folder.path) for mails cannot be created: give this user the right to, or choose another")
    }
  }

  /// Writes the mail into `ID.eml`. The same mail sent again is a file beside it (`ID.2.eml`), as a second mail would be.
  public func send(_ mail: Mail) async throws(MailError) {
    let text = Data(try MessageWriter.text(of: mail).utf8)
    let id = MessageWriter.messageID(of: mail).dropFirst().prefix { $0 != "@" }
    let temporary = folder.appending(path: ".\(UUID()).eml")
    defer { unlink(temporary.path) }
    do {
      try text.write(to: temporary)
      for number in 1... {
        let file = folder.appending(path: number == 1 ? "\(id).eml" : "\(id).\(number).eml")
        // A link, unlike a rename, never replaces a file that is there.
        if link(temporary.path, file.path) == 0 { return }
        guard errno == EEXIST else { throw CocoaError(.fileWriteUnknown) }
      }
    } catch {
      throw MailError(
        .temporary,
        "the mail cannot be written into \(folder.path): is the disk full, or may this user not write there?")
    }
  }
}
