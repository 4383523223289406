import Testing
import Warren

@Suite("JSON as it was written") struct JSONTextTests {
  @Test(
    "numbers and text survive",
    arguments: [
      #"{"id":12345678901234567890,"price":1.10,"tiny":1e-400}"#, #"[1,-0,"é\n\"",true,null,{}]"#, #""text""#, "[]",
      #"{"a":1,"a":2}"#, #"{"emoji":"😀"}"#,
    ])
  func survives(text: String) throws {
    let document = try JSONText(parsing: text)
    #expect(document.compact == text)
    #expect(try JSONText(parsing: document.pretty) == document)
  }

  @Test("escapes are read") func escapes() throws {
    #expect(try JSONText(parsing: #""\u0041\uD83D\uDE00\/\t""#) == .string("A😀/\t"))
  }

  @Test("many lines are indented") func pretty() throws {
    let document = try JSONText(parsing: #"{"a":[1,2],"b":{},"c":"x"}"#)
    #expect(document.pretty == "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"b\": {},\n  \"c\": \"x\"\n}")
  }

  @Test(
    "what is no JSON is refused",
    arguments: [
      "", "{", "{a:1}", "[1,]", "01", "1.", "+1", "'x'", "\"a", "\"\\x\"", #""\uD800""#, "nul", "1 2", "\"a\nb\"",
      "{\"a\" 1}",
      #""\u00+1""#,
    ])
  func refused(text: String) {
    #expect(throws: JSONTextError.self) { try JSONText(parsing: text) }
  }

  @Test("the place of an error is told") func place() {
    let error = #expect(throws: JSONTextError.self) { try JSONText(parsing: "{\n  \"a\": x\n}") }
    #expect(error?.line == 2)
    #expect(error?.column == 8)
  }

  @Test("a nesting that would end the stack is refused") func depth() {
    #expect(throws: JSONTextError.self) { try JSONText(parsing: String(repeating: "[", count: 100_000)) }
  }
}
