import Accounts
import Foundation
import Hummingbird
import HummingbirdTesting
import Mail
import Testing
import Warren

@testable import ExampleSupport
@testable import movie_booking

@Suite struct MovieBookingTests {
  @Test("the message of a booking is the document's: type, template and data")
  func message() throws {
    let email = Email(
      template: "booking_confirmation", data: .init(to: "ada@example.org", name: "Ada", bookingId: "b1", seats: ["A1"]))
    let body = try MessageComposer(source: "test").publication(of: JobRequest(email)).message.body
    let object = try #require(JSONSerialization.jsonObject(with: body) as? [String: Any])
    #expect(Set(object.keys) == ["type", "template", "data"])
    #expect(object["type"] as? String == "EMAIL")
    #expect(Email.queue.name == "email_queue" && CodeMail.queue.name == "email_queue")
    #expect(CodeMail.name == "OTP" && Email.name == "EMAIL")
  }

  @Test(
    "every tag of every template is filled, and values cannot add HTML", arguments: MailTemplates.sources.keys.sorted())
  func templates(name: String) throws {
    let source = try #require(MailTemplates.sources[name])
    var values: [String: String] = [:]
    for tag in MailTemplates.tags(in: source) { values[tag] = "<\(tag)>" }
    // A list is shown entry by entry.
    struct Content: Encodable {
      var values: [String: String]
      func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        for (name, value) in values {
          if name == "seats" {
            try container.encode([value], forKey: Key(name))
          } else {
            try container.encode(value, forKey: Key(name))
          }
        }
      }
      struct Key: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }
        init(_ name: String) { stringValue = name }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
      }
    }
    let texts = try MailTemplates.render(name, Content(values: values))
    for tag in values.keys {
      #expect((texts.subject + texts.text).contains("<\(tag)>") || texts.html.contains("&lt;\(tag)&gt;"), "\(tag)")
      #expect(!texts.html.contains("<\(tag)>"), "\(tag)")
    }
    #expect(!(texts.subject + texts.text + texts.html).contains("{{"))
    values.removeValue(forKey: "name")
    #expect(throws: Outcome.self) { try MailTemplates.render(name, Content(values: values)) }
  }

  @Test("every route of the table is there, and those with a role want a token")
  func access() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "warren-movies-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let store = try Store(file: folder.appending(path: "movies.db"), composer: MessageComposer(source: "test"))
    let secrets = try Secrets(file: folder.appending(path: "secrets.json"))
    let tokens = Tokens(secrets, issuer: "movie-booking")
    let accounts = AccountRoutes(
      store: store, hasher: try PasswordHasher(), codes: OneTimeCodes(secret: secrets.codes), tokens: tokens)
    let router = ExampleSystem.router()
    MovieBookingAPI(store: store, accounts: accounts).add(to: router.group())
    let other = try await tokens.make(for: Caller(id: "x", role: "visitor"))
    try await Application(router: router).test(.router) { client in
      for rule in MovieBookingAPI.access.rules {
        let path = rule.path.replacing("{id}", with: "metropolis-18")
        let status = try await client.execute(uri: path, method: rule.method).status
        let withToken = try await client.execute(
          uri: path, method: rule.method, headers: [.authorization: "Bearer \(other)"]
        ).status
        if rule.roles == nil {
          #expect(status == .ok || status == .badRequest, "\(rule.method) \(path): \(status)")
        } else {
          #expect(status == .unauthorized, "\(rule.method) \(path): \(status)")
          #expect(withToken == .forbidden, "\(rule.method) \(path): \(withToken)")
        }
      }
    }
  }
}
