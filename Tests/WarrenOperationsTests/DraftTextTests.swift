import Foundation
import Testing
import Warren
import WarrenOperations

@Suite("A dead letter as text in an editor") struct DraftTextTests {
  private func draft(
    _ body: String, headers: Message.Headers = [:], contentType: String? = nil
  ) -> DeadLetterDraft {
    var letter = DeadLetter.example("1", headers: headers)
    letter.message.body = Data(body.utf8)
    letter.message.contentType = contentType
    return DeadLetterDraft(letter)
  }

  @Test("secrets are hidden in headers and content, and come back where they still stand; the envelope stays")
  func secrets() throws {
    let draft = draft(
      #"{"type":"a","data":{"to":"ann","password":"hunter2","n":12345678901234567890}}"#,
      headers: ["authorization": "Bearer sesame", "x-mine": "1"])
    let text = try DraftText(draft, mask: .standard)
    #expect(text.hasEnvelope && text.hidesSomething)
    for secret in ["hunter2", "sesame"] { #expect(!(text.headers + text.body).contains(secret)) }
    #expect(try text.read(headers: text.headers, body: text.body) == draft)
    // As a browser sends it.
    let lines = text.body.replacing("\n", with: "\r\n")
    #expect(try text.read(headers: text.headers.replacing("\n", with: "\r\n"), body: lines) == draft)
    let edited = try text.read(headers: text.headers, body: text.body.replacing("ann", with: "bob"))
    #expect(
      edited.text == #"{"type":"a","data":{"to":"bob","password":"hunter2","n":12345678901234567890}}"#)
    #expect(edited.headers == draft.headers)
    let difference = text.differences(headers: "x-mine: 2", body: text.body.replacing("ann", with: "bob"))
    #expect(difference.body.lines.contains(.added(#"  "to": "bob","#)))
    #expect(difference.headers.lines.contains(.added("x-mine: 2")))
  }

  @Test("headers of several lines stay as they are, without a line of their own") func long() throws {
    let draft = draft("{}", headers: ["a": "1", "long": "1\n2"])
    let text = try DraftText(draft, mask: .standard)
    #expect(text.headers == "a: 1")
    #expect(try text.read(headers: "b: 2\n\n", body: "{}").headers == ["b": "2", "long": "1\n2"])
  }

  @Test("what cannot be read says what and where") func refused() throws {
    let text = try DraftText(draft(#"{"otp":"483920"}"#), mask: .standard)
    func error(_ headers: String, _ body: String) -> DraftTextError? {
      do {
        _ = try text.read(headers: headers, body: body)
        return nil
      } catch { return error as? DraftTextError }
    }
    let header = error("a: 1\n\nnone", "{}")
    #expect(header?.problem == .noHeader && header?.place == .header(line: 3))
    let own = error("warren-x: 1", "{}")
    #expect(own?.problem == .ownHeader("warren-x") && own?.place == .header(line: 1))
    let json = error("", "{\n  1")
    #expect(json?.place == .body(line: 2, column: 3) && json?.text.hasSuffix("so this is not JSON") == true)
    let mangled = error("", #"{"otp":"x***1***"}"#)
    #expect(mangled?.problem == .mangled("x***1***") && mangled?.place == nil)
  }

  @Test("a text that is no JSON is edited as it is; with secrets in it, only when all is shown") func plain() throws {
    let note = draft("dear ann\r\nyours")
    let text = try DraftText(note, mask: .standard)
    #expect(try text.read(headers: text.headers, body: "dear ann\nyours") == note)
    #expect(try text.read(headers: "", body: "dear bob").text == "dear bob")
    let secret = draft("dear ann, password=hunter2")
    let error = #expect(throws: DraftTextError.self) { try DraftText(secret, mask: .standard) }
    #expect(error?.problem == .hiddenInText)
    #expect(try DraftText(secret, mask: .off).body == "dear ann, password=hunter2")
    var bytes = draft("")
    bytes.body = Data([0xFF, 0xFE, 0x00])
    let noText = bytes
    #expect(throws: DraftTextError.self) { try DraftText(noText, mask: .standard) }
  }
}
