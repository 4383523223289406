import Foundation
import Testing

@testable import Mail

/// Against a real SMTP server.
@Suite(.timeLimit(.minutes(2))) struct SMTPMailerTests {
  private func mail(to: String, id: String = "m1", text: String = "Hello", html: String? = nil) throws -> Mail {
    Mail(
      id: id, from: try MailAddress("tickets@cinema.example"), to: try MailAddress(to), subject: "Your booking",
      text: text,
      html: html, date: Date(timeIntervalSince1970: 1_795_685_400))
  }

  private func mailer(_ server: MailServer, _ query: String = "") throws -> SMTPMailer {
    SMTPMailer(try SMTPServer(url: "smtp://127.0.0.1:\(server.port)\(query)"))
  }

  private func failure(_ mailer: SMTPMailer, to: String) async throws -> MailError? {
    let mail = try mail(to: to)
    do throws(MailError) {
      try await mailer.send(mail)
      return nil
    } catch { return error }
  }

  @Test("a mail arrives as it was written, with the sender's domain as the name in EHLO")
  func arrives() async throws {
    let server = try MailServer()
    let mail = try mail(
      to: "ada@example.org", text: "Hällo\n.\n..dots\n" + String(repeating: "long ", count: 400), html: "<b>Hi</b>")
    try await mailer(server).send(mail)
    let taken = try server.next()
    #expect(taken.from == "tickets@cinema.example")
    #expect(taken.to == ["ada@example.org"])
    #expect(taken.helo == "cinema.example")
    #expect(taken.data == (try MessageWriter.text(of: mail)))
  }

  @Test("answers of 5xx are permanent and answers of 4xx temporary, with what the server said")
  func answers() async throws {
    let server = try MailServer()
    let mailer = try mailer(server)
    let expected: [(String, MailError.Kind, Int, String)] = [
      ("refused", .permanent, 550, "no such user here"), ("busy", .temporary, 451, "try again later"),
      ("full", .permanent, 552, "mailbox full"), ("later", .temporary, 451, "greylisted"),
    ]
    for (name, kind, code, words) in expected {
      let error = try #require(try await failure(mailer, to: "\(name)@example.org"))
      #expect(error.kind == kind, "\(name): \(error)")
      #expect(error.replyCode == code, "\(name): \(error)")
      #expect(error.message.contains(words), "\(name): \(error)")
    }
    // One refused address is no trouble for the next mail.
    try await mailer.send(mail(to: "ada@example.org"))
    #expect(try server.next().to == ["ada@example.org"])
  }

  @Test("a server that is down, silent, hangs, is full or goes away in the midst: temporary, and in time")
  func trouble() async throws {
    let down = try MailServer()
    down.stop()
    let mailer = try mailer(down)
    #expect(try await failure(mailer, to: "ada@example.org")?.kind == .temporary)
    for mode in ["silent", "hang"] {
      let server = try MailServer("--mode", mode)
      var settings = try SMTPServer(url: "smtp://127.0.0.1:\(server.port)")
      settings.answerTimeout = .seconds(1)
      settings.timeout = .seconds(3)
      #expect(try await failure(SMTPMailer(settings), to: "ada@example.org")?.kind == .temporary)
    }
    let busy = try await failure(try self.mailer(MailServer("--mode", "busy")), to: "ada@example.org")
    #expect(busy?.kind == .temporary)
    let server = try MailServer()
    #expect(try await failure(try self.mailer(server), to: "gone@example.org")?.kind == .temporary)
  }

  @Test("when the server is back, the same mailer sends")
  func comesBack() async throws {
    let first = try MailServer()
    let mailer = try mailer(first)
    try await mailer.send(mail(to: "ada@example.org"))
    first.stop()
    #expect(try await failure(mailer, to: "ada@example.org")?.kind == .temporary)
    let second = try MailServer("--port", "\(first.port)")
    try await mailer.send(mail(to: "ada@example.org", id: "m2"))
    #expect(try second.next().data.contains("<m2@cinema.example>"))
  }

  @Test("a sender that the server refuses is permanent")
  func sender() async throws {
    let server = try MailServer("--mode", "refuses-sender")
    let error = try await failure(mailer(server), to: "ada@example.org")
    #expect(error?.kind == .permanent)
    #expect(error?.replyCode == 553)
  }

  @Test("STARTTLS and TLS from the first byte, with a login")
  func encrypted() async throws {
    let certificate = try Certificate()
    for tls in ["starttls", "implicit"] {
      let server = try MailServer(
        "--tls", tls, "--certificate", certificate.file, "--key", certificate.key, "--login", "ada:s3cr3t@")
      let scheme = tls == "implicit" ? "smtps" : "smtp"
      func mailer(_ login: String, _ query: String) throws -> SMTPMailer {
        SMTPMailer(try SMTPServer(url: "\(scheme)://\(login)@localhost:\(server.port)?\(query)"))
      }
      try await mailer("ada:s3cr3t%40", "ca=\(certificate.file)").send(mail(to: "ada@example.org"))
      #expect(try server.next().to == ["ada@example.org"])
      // Another password: the server's settings are wrong and not the mail.
      let refused = try await failure(mailer("ada:other", "ca=\(certificate.file)"), to: "ada@example.org")
      #expect(refused?.kind == .temporary)
      #expect(refused?.replyCode == 535)
      #expect(refused?.message.contains("other") == false)
      // A certificate of an unknown authority.
      #expect(try await failure(mailer("ada:s3cr3t%40", ""), to: "ada@example.org")?.kind == .temporary)
    }
  }

  @Test("no password goes to a server without TLS, unless it is this machine")
  func plaintext() async throws {
    #expect(try SMTPServer(url: "smtp://ada:x@mail.example").security == .startTLS)
    #expect(try SMTPServer(url: "smtp://ada:x@localhost").security == .opportunistic)
    let server = try MailServer()
    let error = try await failure(mailer(server, "?security=starttls"), to: "ada@example.org")
    #expect(error?.kind == .temporary)
  }

  @Test("a task that is cancelled does not wait")
  func cancelled() async throws {
    let server = try MailServer("--mode", "hang")
    let mailer = try mailer(server)
    let started = ContinuousClock.now
    let task = Task { try await failure(mailer, to: "ada@example.org") }
    task.cancel()
    #expect(try await task.value?.kind == .cancelled)
    // Far less than the 20 s for an answer, however busy the machine is.
    #expect(ContinuousClock.now - started < .seconds(15))
  }

  @Test("many mails at once each arrive once")
  func many() async throws {
    let server = try MailServer()
    let mailer = try mailer(server, "?connections=4")
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<40 {
        group.addTask { try await mailer.send(mail(to: "a\(number)@example.org", id: "m\(number)")) }
      }
      try await group.waitForAll()
    }
    var seen: Set<String> = []
    for _ in 0..<40 { #expect(seen.insert(try server.next().to[0]).inserted) }
  }

  @Test(
    "a URL that is none is refused without repeating it",
    arguments: [
      "mail.example", "http://mail.example", "smtp://", "smtp://ada@mail.example", "smtp://h:99999", "smtp://h/x",
      "smtp://h?security=tls", "smtp://h?tls=1", "smtp://h?connections=0", "smtps://h?ca=/nowhere.pem",
      "smtp://s3cr3t:s3cr3t@h:x",
    ])
  func urls(text: String) {
    #expect { try SMTPServer(url: text) } throws: {
      ($0 as? MailError)?.kind == .invalid && !"\($0)".contains("s3cr3t")
    }
  }

  @Test("without a server each mail is a file, and a mail that is sent again is a second one")
  func files() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "warren-mail-\(UUID())")
    defer { try? FileManager.default.removeItem(at: folder) }
    let mailer = try FileMailer(folder: folder)
    try await mailer.send(mail(to: "ada@example.org"))
    try await mailer.send(mail(to: "ada@example.org"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == ["m1.2.eml", "m1.eml"])
    #expect(throws: MailError.self) { try FileMailer(folder: URL(filePath: "/dev/null/mail")) }
  }
}
