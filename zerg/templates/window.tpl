% if before:
<p class="edge" data-edge="before"><a href="{{before}}">Earlier</a></p>
% end
{{!blocks}}
% if after:
<p class="edge" data-edge="after"><a href="{{after}}">Later</a></p>
% else:
<p class="edge end" data-after="{{tail}}">{{'' if blocks else 'Nothing to show yet'}}</p>
% end
