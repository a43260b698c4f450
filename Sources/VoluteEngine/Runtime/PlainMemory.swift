/// Tables that all threads read in their inner loops: an array's references would be counted, by all at once.
extension UnsafeBufferPointer {
  /// A copy of `array`, to be deallocated by its owner.
  init(copying array: [Element]) {
    let copy = UnsafeMutableBufferPointer<Element>.allocate(capacity: array.count)
    _ = copy.initialize(from: array)
    self.init(copy)
  }
}
