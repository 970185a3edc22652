internal import NIOCore

/// Collects what of a chunk goes on to the other leg, in as few slices as there are gaps.
struct Outlet {
  private let chunk: ByteBuffer
  /// The run of the chunk that goes on and is not yet among the slices.
  private var run: Range<Int>
  private(set) var slices = ByteSlices()

  init(_ chunk: ByteBuffer) {
    self.chunk = chunk
    run = chunk.readerIndex..<chunk.readerIndex
  }

  /// The chunk's bytes up to `index` go on.
  mutating func forward(upTo index: Int) {
    run = run.lowerBound..<max(run.lowerBound, index)
  }

  /// The chunk's bytes up to `index`, those not yet forwarded, stay behind.
  mutating func drop(upTo index: Int) {
    close()
    run = index..<index
  }

  /// Other bytes go on, behind what was forwarded before.
  mutating func insert(_ bytes: ByteBuffer, resumingAt index: Int) {
    drop(upTo: index)
    slices.append(bytes)
  }

  mutating func finish() -> ByteSlices {
    close()
    return slices
  }

  private mutating func close() {
    guard !run.isEmpty, let slice = chunk.getSlice(at: run.lowerBound, length: run.count) else {
      return
    }
    slices.append(slice)
    run = run.upperBound..<run.upperBound
  }
}
