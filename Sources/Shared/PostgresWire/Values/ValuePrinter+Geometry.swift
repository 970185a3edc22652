import NIOCore

extension ValuePrinter {
  mutating func printShape(
    _ type: BuiltInType, _ reader: inout ValueReader
  ) throws(UnreadableValue) {
    let bytesPerPoint = 16
    switch type {
    case .point: try printPoint(&reader)
    case .lineSegment:
      try write("[")
      try printPoints(2, &reader)
      try write("]")
    case .box: try printPoints(2, &reader)
    case .path:
      let isClosed = try reader.integer(UInt8.self) != 0
      let count = try reader.count(ofSize: bytesPerPoint)
      try write(isClosed ? "(" : "[")
      try printPoints(count, &reader)
      try write(isClosed ? ")" : "]")
    case .polygon:
      let count = try reader.count(ofSize: bytesPerPoint)
      try write("(")
      try printPoints(count, &reader)
      try write(")")
    case .line:
      try write("{")
      try printDoubles(3, &reader)
      try write("}")
    case .circle:
      try write("<")
      try printPoint(&reader)
      try write(",")
      try printDouble(&reader)
      try write(">")
    default: throw UnreadableValue()
    }
  }

  private mutating func printPoints(
    _ count: Int, _ reader: inout ValueReader
  ) throws(UnreadableValue) {
    for index in 0..<count {
      if index > 0 { try write(",") }
      try printPoint(&reader)
    }
  }

  private mutating func printPoint(_ reader: inout ValueReader) throws(UnreadableValue) {
    try write("(")
    try printDoubles(2, &reader)
    try write(")")
  }

  private mutating func printDoubles(
    _ count: Int, _ reader: inout ValueReader
  ) throws(UnreadableValue) {
    for index in 0..<count {
      if index > 0 { try write(",") }
      try printDouble(&reader)
    }
  }
}
