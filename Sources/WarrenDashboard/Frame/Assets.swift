/// The files that pages need. Their addresses hold a hash of what is in them, so a browser may keep them for ever.
struct Assets: Sendable {
  let path: String
  let type: String
  let bytes: [UInt8]

  static let style = Assets("style", "css", "text/css; charset=utf-8", PackageResources.style_css)
  static let script = Assets("script", "js", "text/javascript; charset=utf-8", PackageResources.script_js)
  static let icon = Assets("icon", "svg", "image/svg+xml", Array(mark.utf8))
  static let all = [style, script, icon]

  private init(_ name: String, _ ending: String, _ type: String, _ bytes: [UInt8]) {
    let hash = bytes.reduce(UInt64(0xcbf2_9ce4_8422_2325)) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    path = "assets/\(name)-\(String(hash, radix: 16)).\(ending)"
    self.type = type
    self.bytes = bytes
  }

  private static let mark = """
    <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="9" fill="#3b56d9"/><path d="M7 24v-6a4.5 4.5 0 0 1 9 0v6m0 0v-9a4.5 4.5 0 0 1 9 0v9" fill="none" stroke="#fff" stroke-width="2.6" stroke-linecap="round" stroke-linejoin="round"/><circle cx="11.5" cy="9.5" r="1.7" fill="#fff"/></svg>
    """
}
