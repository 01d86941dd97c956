/** What the page uses of the DOM. In an app of your own, `"lib": ["dom"]` has it, and this file goes. */
declare global {
  var document: { cookie: string; getElementById(id: string): HTMLElement | null };
  interface HTMLDialogElement {
    returnValue: string;
    showModal(): void;
    close(returnValue: string): void;
    addEventListener(type: "close", listener: () => void, options: { once: true }): void;
  }
}

export {};
