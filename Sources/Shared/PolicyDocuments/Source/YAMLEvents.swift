internal import CYaml

/// Reads the documents of a YAML text one event at a time.
///
/// Nothing here recurses, and it stops at the first thing that policies do not use: what a text nests
/// or refers to costs nothing before it is refused.
struct YAMLEvents {
  /// The longest file.
  static let maximumBytes = 1 << 20
  /// The deepest nesting: policies need seven.
  static let maximumDepth = 32

  /// A document as it is being read: what is open, outermost first.
  private struct Open {
    var node: YAMLNode
    /// The key of a mapping whose value comes next.
    var key: (text: String, place: SourcePlace)?
  }

  private let file: String
  private var open: [Open] = []
  private var documents: [YAMLNode] = []

  /// The documents of a file; empty ones are left out.
  static func documents(of file: SourceFile) throws(YAMLRefusal) -> [YAMLNode] {
    var events = YAMLEvents(file: file.path)
    let count = file.text.utf8.count
    guard count <= maximumBytes else {
      throw YAMLRefusal(
        events.place(0, 0), "the file has \(count) bytes",
        remedy: "write at most \(maximumBytes) bytes, and split it into several files")
    }
    try events.read(Array(file.text.utf8))
    return events.documents
  }

  private init(file: String) { self.file = file }

  private mutating func read(_ bytes: [UInt8]) throws(YAMLRefusal) {
    // SAFETY: the parser keeps a pointer into `bytes` only while this function runs, which holds them
    // in an allocation of its own; every event is deleted before the next is asked for.
    let input = UnsafeMutablePointer<UInt8>.allocate(capacity: max(1, bytes.count))
    defer { input.deallocate() }
    input.initialize(from: bytes, count: bytes.count)
    let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
    defer { parser.deallocate() }
    guard yaml_parser_initialize(parser) == 1 else {
      throw YAMLRefusal(place(0, 0), "there is no memory to read it", remedy: "try again")
    }
    defer { yaml_parser_delete(parser) }
    yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
    yaml_parser_set_input_string(parser, input, bytes.count)
    while try step(parser) {}
  }

  /// - Returns: Whether there is more.
  private mutating func step(_ parser: UnsafeMutablePointer<yaml_parser_t>) throws(YAMLRefusal)
    -> Bool
  {
    var event = yaml_event_t()
    guard yaml_parser_parse(parser, &event) == 1 else { throw syntaxRefusal(parser) }
    defer { yaml_event_delete(&event) }
    let mark = event.start_mark
    let place = place(mark.line, mark.column)
    switch event.type {
    case YAML_STREAM_END_EVENT: return false
    case YAML_ALIAS_EVENT:
      throw YAMLRefusal(place, "it has an alias (*)", remedy: "write the value out")
    case YAML_SCALAR_EVENT:
      let scalar = event.data.scalar
      try refuse(anchor: scalar.anchor, tag: scalar.tag, at: place)
      let text = UnsafeBufferPointer(start: scalar.value, count: scalar.length)
      try take(
        scalar: String(decoding: text, as: UTF8.self),
        isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE, at: place)
    case YAML_SEQUENCE_START_EVENT:
      let start = event.data.sequence_start
      try refuse(anchor: start.anchor, tag: start.tag, at: place)
      try begin(.list([]), at: place)
    case YAML_MAPPING_START_EVENT:
      let start = event.data.mapping_start
      try refuse(anchor: start.anchor, tag: start.tag, at: place)
      try begin(.map([]), at: place)
    case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT:
      if let closed = open.popLast() { append(closed.node) }
    default: break
    }
    return true
  }

  private mutating func begin(
    _ content: YAMLNode.Content, at place: SourcePlace
  ) throws(YAMLRefusal) {
    guard open.count < Self.maximumDepth else {
      throw tooDeep(place)
    }
    if let holder = open.last, case .map = holder.node.content, holder.key == nil {
      throw YAMLRefusal(place, "a key is a list or a mapping", remedy: "write a name as the key")
    }
    open.append(Open(node: YAMLNode(content: content, place: place)))
  }

  private mutating func take(
    scalar text: String, isPlain: Bool, at place: SourcePlace
  ) throws(YAMLRefusal) {
    if let holder = open.last, case .map(let entries) = holder.node.content, holder.key == nil {
      guard text != "<<" || !isPlain else {
        throw YAMLRefusal(place, "it has a merge key (<<)", remedy: "write the keys out")
      }
      if let first = entries.first(where: { $0.key == text }) {
        throw YAMLRefusal(
          place, "the key \(YAMLNode.quoted(text)) stands twice, first in line \(first.place.line)",
          remedy: "leave one out")
      }
      open[open.count - 1].key = (text, place)
      return
    }
    append(YAMLNode(content: .scalar(text, isPlain: isPlain), place: place))
  }

  /// Puts a finished value where it belongs.
  private mutating func append(_ node: YAMLNode) {
    guard var holder = open.popLast() else {
      if !node.isNull { documents.append(node) }
      return
    }
    let content = holder.node.content
    // Not two holders of the list while it grows: appending would copy it each time.
    holder.node.content = .list([])
    switch content {
    case .list(var items):
      items.append(node)
      holder.node.content = .list(items)
    case .map(var entries):
      if let key = holder.key {
        entries.append(YAMLNode.Entry(key: key.text, place: key.place, value: node))
      }
      holder.key = nil
      holder.node.content = .map(entries)
    case .scalar: break
    }
    open.append(holder)
  }

  private func refuse(
    anchor: UnsafeMutablePointer<UInt8>?, tag: UnsafeMutablePointer<UInt8>?, at place: SourcePlace
  ) throws(YAMLRefusal) {
    if anchor != nil {
      throw YAMLRefusal(
        place, "it has an anchor (&)", remedy: "write the value out where it is used")
    }
    if tag != nil {
      throw YAMLRefusal(place, "it has a tag (!)", remedy: "leave it out")
    }
  }

  private func tooDeep(_ place: SourcePlace) -> YAMLRefusal {
    YAMLRefusal(place, "it nests more than \(Self.maximumDepth) deep", remedy: "write it flatter")
  }

  private func syntaxRefusal(_ parser: UnsafeMutablePointer<yaml_parser_t>) -> YAMLRefusal {
    let problem = parser.pointee.problem.map { String(cString: $0) } ?? "no reason given"
    let mark =
      parser.pointee.error == YAML_READER_ERROR
      ? parser.pointee.mark : parser.pointee.problem_mark
    // The library has a limit of its own for what it looks ahead at.
    guard !problem.contains("nesting level") else {
      return tooDeep(place(mark.line, mark.column))
    }
    return YAMLRefusal(
      place(mark.line, mark.column), "it is not YAML: \(problem)",
      remedy: "mend the line, or quote its values")
  }

  private func place(_ line: Int, _ column: Int) -> SourcePlace {
    SourcePlace(file: file, line: line + 1, column: column + 1)
  }
}

/// Why a text is not read at all.
struct YAMLRefusal: Error {
  var diagnostic: Diagnostic

  init(_ place: SourcePlace, _ message: String, remedy: String) {
    diagnostic = Diagnostic(.error, place, message, remedy: remedy)
  }
}
