// A doubly linked list whose links live in the elements: no allocation, O(1) removal from the middle, order kept.
// An element is in at most one list per hook and leaves it when it is destroyed.
#pragma once

#include <cstddef>

#include "kernel/check.h"

namespace kernel {

template <class Tag = void>
class ListHook {
 public:
  ListHook() = default;
  ListHook(const ListHook&) = delete;
  ListHook& operator=(const ListHook&) = delete;
  ~ListHook() { unlink(); }
  [[nodiscard]] bool linked() const { return next_ != nullptr; }
  void unlink() {
    if (next_ == nullptr) return;
    prev_->next_ = next_;
    next_->prev_ = prev_;
    next_ = prev_ = nullptr;
  }

 private:
  template <class T, class U>
  friend class IntrusiveList;
  ListHook* next_ = nullptr;
  ListHook* prev_ = nullptr;
};

/// A list of T, which derives from ListHook<Tag>.
template <class T, class Tag = void>
class IntrusiveList {
  using Hook = ListHook<Tag>;

 public:
  IntrusiveList() { head_.next_ = head_.prev_ = &head_; }
  IntrusiveList(const IntrusiveList&) = delete;
  IntrusiveList& operator=(const IntrusiveList&) = delete;
  ~IntrusiveList() {
    while (!empty()) head_.next_->unlink();  // no T is needed here: it may be incomplete
    head_.next_ = head_.prev_ = nullptr;
  }

  [[nodiscard]] bool empty() const { return head_.next_ == &head_; }
  [[nodiscard]] T& front() { return *static_cast<T*>(head_.next_); }
  [[nodiscard]] T& back() { return *static_cast<T*>(head_.prev_); }
  void push_back(T& element) {
    Hook& hook = element;
    CHECK(!hook.linked());
    hook.prev_ = head_.prev_;
    hook.next_ = &head_;
    head_.prev_->next_ = &hook;
    head_.prev_ = &hook;
  }
  T& pop_front() {
    T& first = front();
    static_cast<Hook&>(first).unlink();
    return first;
  }
  /// The element after `element`, or null.
  [[nodiscard]] T* next(T& element) {
    Hook* after = static_cast<Hook&>(element).next_;
    return after == &head_ ? nullptr : static_cast<T*>(after);
  }
  [[nodiscard]] T* first() { return empty() ? nullptr : &front(); }

 private:
  Hook head_;
};

}  // namespace kernel
