import { useEffect, useState } from "preact";

/** `[isOpen, setOpen]` of what a button in `root` (a ref) opens below itself: it closes when pointer or focus go elsewhere. */
export function usePopup(root) {
  const [isOpen, setOpen] = useState(false);
  useEffect(() => {
    if (!isOpen) return undefined;
    const look = ({ target }) => root.current.contains(target) || setOpen(false);
    const events = ["pointerdown", "focusin"];
    for (const event of events) document.addEventListener(event, look);
    return () => {
      for (const event of events) document.removeEventListener(event, look);
    };
  }, [isOpen]);
  return [isOpen, setOpen];
}
