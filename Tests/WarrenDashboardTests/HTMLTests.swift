import Testing

@testable import WarrenDashboard

@Suite struct HTMLTests {
  @Test("text and values of attributes are escaped; what has no place in HTML is made visible")
  func escapes() {
    let evil = "<script>alert('x')</script>\"&\u{0}\u{202E}"
    let shown = Tags.p(.title(evil)) { evil }.markup
    #expect(!shown.contains("<script") && !shown.contains("'x'") && shown.contains("&lt;script&gt;"))
    #expect(shown.contains("[U+202E]") && !shown.contains("\u{0}"))
    #expect(shown.hasPrefix("<p title=\"&lt;script"))
  }

  @Test("fields come back as they were sent", arguments: ["a&b=c", "ü/?#%", "+ +", "\r\n", "", "日本語 <>"])
  func fields(text: String) {
    let link = Link(prefix: "/admin", path: "queue").with("name", text).with("other", "x")
    let query = link.text.split(separator: "?", maxSplits: 1).last ?? ""
    let fields = FormFields(query)
    #expect(fields["name"] ?? "" == text && fields["other"] == "x")
    #expect(link.text.hasPrefix("/admin/queue?") && !query.contains("<") && !query.contains("\n"))
  }
}
