import NIOCore

/// The entry point of libFuzzer. Which decoder is fed is chosen when this file is built.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  let bytes = ByteBuffer(bytes: UnsafeBufferPointer(start: start, count: count))
  #if FUZZ_FRAMES
    fuzzFrames(bytes)
  #elseif FUZZ_METHOD
    var input = bytes
    if let method = try? input.readMethod() {
      // What was replaced in reading, such as text that is not UTF-8, may have grown out of its limits.
      guard var again = written({ (writer) throws(WireError) in try method.write(to: &writer) }),
        let second = try? again.readMethod()
      else { return 0 }
      if case .connectionStart = method { return 0 }
      precondition("\(second)" == "\(method)" || "\(method)".contains("nan"))
    }
  #elseif FUZZ_TABLE
    var input = bytes
    if let table = try? input.readTable() {
      guard var again = written({ (writer) throws(WireError) in try TableCodec.write(table, to: &writer) }) else {
        return 0
      }
      guard let second = try? again.readTable() else { preconditionFailure("a table does not come back") }
      precondition(second.count == table.count)
    }
  #elseif FUZZ_PROPERTIES
    var input = bytes
    if let properties = try? input.readProperties() {
      guard var again = written({ (writer) throws(WireError) in try PropertiesCodec.write(properties, to: &writer) })
      else { return 0 }
      precondition((try? again.readProperties()) != nil)
    }
  #endif
  return 0
}

private func written(_ body: (inout WireWriter) throws(WireError) -> Void) -> ByteBuffer? { try? ByteBuffer(body) }

private func fuzzFrames(_ bytes: ByteBuffer) {
  fuzzFrames(bytes, FrameDecoder())
  // As once the connection is tuned, with limits that inputs of this size exceed.
  var tuned = FrameDecoder()
  tuned.frameMax = 40
  tuned.isTuned = true
  tuned.longFrameMax = 100
  fuzzFrames(bytes, tuned)
}

private func fuzzFrames(_ bytes: ByteBuffer, _ start: FrameDecoder) {
  var decoder = start
  var rest = bytes
  var size = 1
  while rest.readableBytes > 0, let piece = rest.readSlice(length: min(size, rest.readableBytes)) {
    decoder.append(piece)
    do {
      while try decoder.next() != nil {}
    } catch { return }
    size = size * 3 % 101 + 1
  }
}
