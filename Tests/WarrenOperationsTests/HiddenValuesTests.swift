import Foundation
import Testing
import Warren
import WarrenOperations

@Suite("Secrets that are edited around") struct HiddenValuesTests {
  private let text =
    #"{"to":"ann","otp":"483920","cards":[{"token":"t1","n":1},{"token":"t2","n":2}],"note":"password=hunter2","n":1.50}"#

  private func hidden() throws -> (values: HiddenValues, shown: JSONText) {
    var values = HiddenValues(.standard, in: text)
    let shown = values.hide(try JSONText(parsing: text))
    return (values, shown)
  }

  @Test("none is shown, and each comes back where its place still stands") func roundTrip() throws {
    let (values, shown) = try hidden()
    for secret in ["483920", "t1", "t2", "hunter2"] {
      #expect(!shown.compact.contains("\"\(secret)") && !shown.compact.contains("=\(secret)"))
    }
    #expect(try values.restore(shown).compact == text)
    let edited = shown.compact.replacingOccurrences(of: "ann", with: "bob")
    #expect(try values.restore(JSONText(parsing: edited)).compact == text.replacingOccurrences(of: "ann", with: "bob"))
  }

  @Test("moved elements take their secrets along, and removed ones leave them") func moved() throws {
    let (values, _) = try hidden()
    let edited = try JSONText(parsing: #"{"cards":[{"token":"***3***","n":2},{"token":"***2***","n":9}]}"#)
    #expect(try values.restore(edited).compact == #"{"cards":[{"token":"t2","n":2},{"token":"t1","n":9}]}"#)
  }

  @Test("a part of one is refused, a new value is taken") func mangled() throws {
    let (values, _) = try hidden()
    #expect(throws: HiddenValues.Mangled(text: "x***1***")) { try values.restore(.string("x***1***")) }
    #expect(try values.restore(.string("111111")) == .string("111111"))
    #expect(try values.restore(.string("***")) == .string("***"))
  }

  @Test("text that looks like a placeholder is none") func reserved() throws {
    let text = #"{"note":"***1***","otp":"483920"}"#
    var values = HiddenValues(.standard, in: text)
    let shown = values.hide(try JSONText(parsing: text))
    #expect(shown.compact == #"{"note":"***1***","otp":"***2***"}"#)
    #expect(try values.restore(shown).compact == text)
  }

  @Test("headers, too; with the mask off nothing is hidden") func headers() throws {
    var values = HiddenValues(.standard, in: "")
    let shown = values.hide(["authorization": "Bearer sesame", "x": "1"])
    #expect(shown["x"] == "1" && shown["authorization"]?.contains("sesame") == false)
    #expect(try values.restore(header: shown["authorization"] ?? "") == "Bearer sesame")
    var off = HiddenValues(.off, in: text)
    #expect(off.hide(try JSONText(parsing: text)).compact == text && off.isEmpty)
  }

  @Test("the content is what stands in the envelope, which stays as it was") func content() throws {
    let body = #"{"data":{"a":1},"timestamp":"2026-11-26T08:00:00Z","type":"x.y","extra":1.0}"#
    let content = try MessageContent(body)
    #expect(content.hasEnvelope && content.data.compact == #"{"a":1}"#)
    #expect(
      content.body(with: try JSONText(parsing: #"{"a": 2}"#))
        == #"{"data":{"a":2},"timestamp":"2026-11-26T08:00:00Z","type":"x.y","extra":1.0}"#)
    for plain in [#"{"data":1}"#, #"{"type":1,"data":2}"#, "[1]", "\"x\""] {
      #expect(try !MessageContent(plain).hasEnvelope && MessageContent(plain).data.compact == plain)
    }
    #expect(throws: JSONTextError.self) { try MessageContent("{") }
  }
}
